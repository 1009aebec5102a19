#include "predictor/neural/load_trainer.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

namespace augurfs {

namespace {

// Beside bin/, as it was built; or beside libexec/augurfs/, where packages put a brain.
std::filesystem::path find_trainer(const std::filesystem::path& program) {
  const std::filesystem::path name = "lib/augurfs/libaugurfs-trainer.so";
  const auto above = program.parent_path().parent_path();
  std::error_code error;
  const auto packaged = above.parent_path() / name;
  return !std::filesystem::exists(above / name, error) && std::filesystem::exists(packaged, error)
             ? packaged
             : above / name;
}

}  // namespace

Result<std::unique_ptr<Trainer>> load_trainer() {
  std::error_code error;
  const auto file = find_trainer(std::filesystem::read_symlink("/proc/self/exe", error));
  // Or OpenBLAS starts threads as soon as it is loaded. Nobody else is there to read it yet.
  ::setenv("OPENBLAS_NUM_THREADS", "1", 0);
  // Never closed: LibTorch does not survive it.
  void* const library = error ? nullptr : dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = error ? nullptr : dlerror();
    return Error{ErrorCode::kUnavailable, "the neural model needs LibTorch (libtorch-dev): " +
                                              std::string(reason != nullptr ? reason : file)};
  }
  using Make = Trainer* (*)();
  const auto make = reinterpret_cast<Make>(dlsym(library, "augurfs_make_trainer"));
  if (make == nullptr) {
    return Error{ErrorCode::kUnavailable, file.string() + ": holds no trainer"};
  }
  return std::unique_ptr<Trainer>(make());
}

}  // namespace augurfs
