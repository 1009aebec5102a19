#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "remote/guarded.h"
#include "remote/http_client.h"
#include "remote/open_store.h"
#include "remote/sigv4.h"

namespace augurfs {

// A bucket of its own for a test of label s3, on the server that AUGURFS_TEST_S3_ENDPOINT,
// AUGURFS_TEST_S3_ACCESS_KEY and AUGURFS_TEST_S3_SECRET_KEY name. Gone with its objects at the end.
// A missing variable or a failed request throws, which fails the test. Thread rule: any thread.
class S3Bucket {
 public:
  S3Bucket();
  S3Bucket(const S3Bucket&) = delete;
  S3Bucket& operator=(const S3Bucket&) = delete;
  ~S3Bucket();

  const std::string& name() const { return name_; }
  std::string url() const { return "s3://" + name_; }
  const std::string& endpoint() const { return endpoint_; }
  const Credentials& credentials() const { return credentials_; }

  // The endpoint, and the rest as documented. Credentials are not options: see environment().
  StoreOptions options() const;
  // AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as the environment of a process would have them.
  std::optional<std::string> environment(const std::string& variable) const;

  // Returns the ETag, without quotes.
  std::string put(const std::string& key, std::string_view content);
  // The same content under many keys, several requests at a time.
  void put(const std::vector<std::string>& keys, std::string_view content);
  void remove(const std::string& key);

 private:
  HttpResponse send(const std::string& method, const std::string& key, std::string_view body);

  const std::string endpoint_;
  const std::string name_;
  const Credentials credentials_;
  const SigV4Signer signer_;
  std::unique_ptr<HttpClient> http_;
  Guarded<std::set<std::string>> keys_;
};

}  // namespace augurfs
