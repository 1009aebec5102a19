// What a known object costs in memory, beside its name: a million of them in directories of 1,000,
// as they are listed, cut and kept.
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "cache/listing_code.h"
#include "cache/metadata_table.h"

namespace {

std::size_t heap_bytes() {
  const auto heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

}  // namespace

int main() {
  using namespace augurfs;
  constexpr int kDirectories = 1000;
  constexpr int kFiles = 1000;
  const std::size_t before = heap_bytes();
  std::size_t names = 0;
  std::size_t encoded = 0;
  MetadataTable table(10'000'000);
  for (int d = 0; d < kDirectories; ++d) {
    const std::string prefix = "some/where/directory-" + std::to_string(1000 + d) + "/";
    auto page = std::make_shared<DirectoryPage>();
    for (int f = 0; f < kFiles; ++f) {
      std::string name = "file-name-" + std::to_string(100'000 + f) + ".txt";
      names += name.size();
      std::string key = prefix + name;
      page->listing.objects.push_back(
          {{std::move(key), "d41d8cd98f00b204e9800998ecf8427e", 12345}, {}});
    }
    page->listing.objects.shrink_to_fit();
    page->complete = true;
    encoded += encode_listing(prefix, page->listing).size();
    table.put_page(prefix, std::move(page));
  }
  const auto objects = static_cast<double>(kDirectories) * kFiles;
  const auto used = static_cast<double>(heap_bytes() - before);
  std::printf(
      "objects %.0f, name %.1f B, memory %.1f B, memory beside the name %.1f B, disk %.1f B\n",
      objects, static_cast<double>(names) / objects, used / objects,
      (used - static_cast<double>(names)) / objects, static_cast<double>(encoded) / objects);
}
