#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "remote/guarded.h"
#include "remote/open_store.h"
#include "remote/s3_client.h"
#include "support/http_server.h"
#include "support/memory_store.h"

namespace augurfs {

// The read half of S3, path style, over a bucket in memory: HEAD, GET with Range and If-Match, and
// ListObjectsV2. Takes every signature. A test may spoil the answers to come. Thread rule: any
// thread.
class S3Server {
 public:
  using Spoil = std::function<void(Reply&)>;

  explicit S3Server(std::optional<TestTls> tls = std::nullopt);

  MemoryStore& bucket() { return bucket_; }
  HttpServer& http() { return http_; }
  StoreUrl url() const;
  StoreOptions options() const;  // the endpoint, and the rest as documented
  static std::optional<std::string> environment(const std::string& variable);  // some credentials

  // What happens to the next answer that is not yet spoilt.
  void spoil_next(Spoil spoil) { spoils_.lock()->push_back(std::move(spoil)); }

  // An answer with a status and the XML of an S3 error.
  static Spoil error(int status, const std::string& code,
                     const std::vector<std::pair<std::string, std::string>>& headers = {});

 private:
  Reply answer(const ServedRequest& request);
  Reply list(const std::string& query);
  Reply read(const std::string& key, const ServedRequest& request);

  MemoryStore bucket_;
  Guarded<std::deque<Spoil>> spoils_;
  HttpServer http_;  // last: its threads use the rest
};

}  // namespace augurfs
