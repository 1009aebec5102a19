#pragma once

#include <chrono>
#include <string>

#include "predictor/profile.h"

namespace augurfs {

// What is in a profile, for a person, several lines. Names are strangers': nothing in them reaches
// a terminal but letters.
std::string profile_text(const Profile& profile, std::chrono::sys_days today);

}  // namespace augurfs
