#include "predictor/neural/load_trainer.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
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

// Loading LibTorch and the two hundred libraries that it needs here reads nearly a hundred
// megabytes of them once: names to link, code that registers operations. They stay in the kernel's
// page cache, but no longer count as this program's; what is needed again comes back from there.
// Only parts that are never written: of those nothing can get lost.
void let_go_of_what_loading_read() {
  const auto let_go = [](dl_phdr_info* library, std::size_t /*size*/, void* /*data*/) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < library->dlpi_phnum; ++i) {
      const auto& part = library->dlpi_phdr[i];
      if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
      const std::uintptr_t begin = (library->dlpi_addr + part.p_vaddr) & ~(page - 1);
      const std::uintptr_t end = library->dlpi_addr + part.p_vaddr + part.p_memsz;
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers
      ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
  };
  ::dl_iterate_phdr(let_go, nullptr);
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
  std::unique_ptr<Trainer> trainer(make());
  let_go_of_what_loading_read();
  return trainer;
}

}  // namespace augurfs
