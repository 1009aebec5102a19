#include "predictor/neural/load_trainer.h"

#include <dlfcn.h>

#include <filesystem>

namespace augurfs {

Result<std::unique_ptr<Trainer>> load_trainer() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto file = program.parent_path().parent_path() / "lib/augurfs/libaugurfs-trainer.so";
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
