#pragma once

#include <memory>

#include "predictor/neural/trainer.h"
#include "remote/result.h"

namespace augurfs {

// Opens the shared object that holds the trainer and LibTorch with it: half a second and 160 MB,
// which only who trains is to pay. It lies in ../lib/augurfs beside the program. kUnavailable says
// what is missing. Thread rule: before other threads read the environment.
Result<std::unique_ptr<Trainer>> load_trainer();

}  // namespace augurfs
