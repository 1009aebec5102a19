#pragma once

#include <filesystem>
#include <string_view>

#include "predictor/neural/weights.h"
#include "remote/result.h"

namespace augurfs {

// Weights in a file: a header with version, shape and checksum, then the numbers as they are in
// memory. Nothing in it is a program or a length to be believed, as in LibTorch's own format.
// Thread rule: any thread; one at a time for one file.

// In one step: after a crash there is the old file or the new one. Only its owner may read it.
Result<void> save_checkpoint(const std::filesystem::path& file, const NeuralWeights& weights);

// False when there is nothing to load. A file that is damaged, of another version or shape or of
// another user is renamed to <file>.set-aside, in place of an earlier one, with a line in the log.
// Then, as on any error, the weights are what they were.
bool load_checkpoint(const std::filesystem::path& file, NeuralWeights& weights);

}  // namespace augurfs
