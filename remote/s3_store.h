#pragma once

#include <memory>
#include <string>

#include "remote/object_store.h"
#include "remote/open_store.h"
#include "remote/s3_client.h"
#include "remote/store_url.h"

namespace augurfs {

// A bucket of AWS S3 or of a server that speaks its protocol. Every get names its range and
// carries If-Match, and the answer is checked against the version: status, Content-Range, ETag and
// length. What is transient is retried from the byte reached. Thread rule: any thread.
class S3Store : public ObjectStore {
 public:
  // kInvalid when an option makes no sense. Makes no request.
  static Result<std::unique_ptr<S3Store>> open(const StoreUrl& url, const StoreOptions& options,
                                               S3Surroundings surroundings = {});

  Result<ObjectInfo> head(const std::string& key, std::stop_token stop) override;
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override;
  Result<void> get(const Version& version, ByteRange range, const ByteSink& sink,
                   std::stop_token stop) override;
  // "s3+http://host:port/bucket"; for AWS "s3+https://s3.amazonaws.com/bucket" in every region.
  std::string identity() const override { return client_->identity(); }
  StoreStats stats() const override { return client_->stats(); }

 private:
  explicit S3Store(std::unique_ptr<S3Client> client) : client_(std::move(client)) {}

  const std::unique_ptr<S3Client> client_;
};

}  // namespace augurfs
