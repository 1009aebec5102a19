#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "remote/object_store.h"
#include "remote/open_store.h"
#include "remote/retry.h"
#include "remote/store_url.h"

namespace augurfs {

// What an S3Store sees of the process it runs in; tests pass their own.
struct S3Surroundings {
  // The environment; unset: that of the process.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
  RetryClock retry_clock;
};

// A bucket of AWS S3 or of a server that speaks its protocol. Every get of a range carries If-Match
// and is checked against the version: status, Content-Range, ETag and length. Thread rule: any
// thread. What fails for a reason that passes is retried from the byte reached; a wrong region, a
// wrong clock and an expired token are put right once and asked again.
class S3Store : public ObjectStore {
 public:
  // kInvalid when an option makes no sense. Makes no request.
  static Result<std::unique_ptr<S3Store>> open(const StoreUrl& url, const StoreOptions& options,
                                               S3Surroundings surroundings = {});
  ~S3Store() override;

  Result<ObjectInfo> head(const std::string& key, std::stop_token stop) override;
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override;
  Result<void> get(const Version& version, ByteRange range, const ByteSink& sink,
                   std::stop_token stop) override;
  // "s3+http://host:port/bucket"; for AWS "s3+https://s3.amazonaws.com/bucket" in every region.
  std::string identity() const override;
  StoreStats stats() const override;

 private:
  struct Parts;
  explicit S3Store(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
