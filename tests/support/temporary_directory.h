#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace augurfs {

// A directory of its own for one test, removed with all that is in it.
class TemporaryDirectory {
 public:
  // Where the bytes go: to memory when the machine has a place for that, which is quicker, or to
  // a disk for a test of what disks do.
  enum class Place { kMemory, kDisk };

  explicit TemporaryDirectory(Place place = Place::kMemory) {
    const std::filesystem::path memory = "/dev/shm";
    const bool in_memory = place == Place::kMemory && std::filesystem::is_directory(memory);
    const auto parent = in_memory ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "augurfs-XXXXXX").string();  // as mkdtemp(3) wants it
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

  // Writes a file below the directory, with the directories that lead to it; returns its path.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view contents) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    if (!(stream << contents << std::flush))
      throw std::runtime_error("cannot write " + file.string());
    return file;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace augurfs
