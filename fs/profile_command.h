#pragma once

#include <chrono>
#include <string>

#include "fs/command_line.h"
#include "fs/environment.h"
#include "predictor/profile.h"

namespace augurfs {

// Returns the exit code, of a recording that of what was run; prints errors on stderr.
int run_profile(const ProfileCommand& command, const Environment& environment);

// What is in a profile, for a person, several lines. Names are strangers': nothing in them reaches
// a terminal but letters.
std::string profile_text(const Profile& profile, std::chrono::sys_days today);

}  // namespace augurfs
