#include "remote/open_store.h"

#include <chrono>

#include "remote/file_store.h"
#include "remote/s3_store.h"

namespace augurfs {
namespace {

// The store as the interface it is, or its error.
template <typename Store>
Result<std::unique_ptr<ObjectStore>> as_object_store(Result<std::unique_ptr<Store>> opened) {
  if (!opened) return opened.error();
  return std::unique_ptr<ObjectStore>(std::move(*opened));
}

FileStoreOptions file_options(const StoreUrl& url) {
  const std::chrono::duration<double, std::milli> round_trip{
      url.number("round_trip_ms").value_or(0)};
  FileStoreOptions options;
  options.directory = url.directory;
  options.round_trip = std::chrono::duration_cast<std::chrono::nanoseconds>(round_trip);
  options.bits_per_second = url.number("mbit").value_or(0) * 1e6;
  return options;
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_store(const StoreUrl& url, const StoreOptions& options) {
  switch (url.scheme) {
    case StoreUrl::Scheme::kS3:
      return as_object_store(S3Store::open(url, options));
    case StoreUrl::Scheme::kFile:
      return as_object_store(FileStore::open(file_options(url)));
  }
  return Error{ErrorCode::kInvalid, url.to_string() + ": unknown kind of store"};
}

}  // namespace augurfs
