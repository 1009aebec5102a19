#include "support/s3_bucket.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "remote/percent_encoding.h"

namespace augurfs {
namespace {

constexpr std::size_t kThreads = 8;

std::string variable_of_test(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') {
    throw std::runtime_error(std::string(name) + " is not set: tests of label s3 need a server; " +
                             "ctest starts one, see scripts/test");
  }
  return value;
}

std::string unique_name() {
  static std::atomic<int> count{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return "augurfs-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + "-" +
         std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

template <typename T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

S3Bucket::S3Bucket()
    : endpoint_(variable_of_test("AUGURFS_TEST_S3_ENDPOINT")),
      name_(unique_name()),
      credentials_{variable_of_test("AUGURFS_TEST_S3_ACCESS_KEY"),
                   variable_of_test("AUGURFS_TEST_S3_SECRET_KEY"),
                   "",
                   {}},
      http_(value_or_throw(HttpClient::open({}))) {
  send("PUT", "", "");
}

S3Bucket::~S3Bucket() {
  try {
    const std::set<std::string> keys = *keys_.lock();
    for (const std::string& key : keys) send("DELETE", key, "");
    send("DELETE", "", "");
  } catch (const std::exception& error) {
    std::cerr << "S3Bucket: not removed: " << error.what() << "\n";
  }
}

StoreOptions S3Bucket::options() const {
  StoreOptions options;
  options.endpoint = endpoint_;
  return options;
}

std::optional<std::string> S3Bucket::environment(const std::string& variable) const {
  if (variable == "AWS_ACCESS_KEY_ID") return credentials_.access_key;
  if (variable == "AWS_SECRET_ACCESS_KEY") return credentials_.secret_key;
  return std::nullopt;
}

std::string S3Bucket::put(const std::string& key, std::string_view content) {
  const HttpResponse response = send("PUT", key, content);
  keys_.lock()->insert(key);
  std::string etag(response.header("etag"));
  std::erase(etag, '"');
  return etag;
}

void S3Bucket::put(const std::vector<std::string>& keys, std::string_view content) {
  std::atomic<std::size_t> next{0};
  Guarded<std::string> failure;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        try {
          for (std::size_t at = next++; at < keys.size(); at = next++) put(keys[at], content);
        } catch (const std::exception& error) {
          *failure.lock() = error.what();
        }
      });
    }
  }
  if (!failure.lock()->empty()) throw std::runtime_error(*failure.lock());
}

void S3Bucket::remove(const std::string& key) {
  send("DELETE", key, "");
  keys_.lock()->erase(key);
}

HttpResponse S3Bucket::send(const std::string& method, const std::string& key,
                            std::string_view body) {
  HttpRequest request;
  request.method = method;
  request.url = endpoint_ + "/" + name_;
  if (!key.empty()) request.url += "/" + percent_encode_path(key);
  request.body = body;
  signer_.sign(request, credentials_, "us-east-1",
               std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  HttpResponse response = value_or_throw(http_->send(request, {}));
  if (response.status >= 300) {
    throw std::runtime_error(method + " " + request.url + ": HTTP " +
                             std::to_string(response.status) + " " + response.body);
  }
  return response;
}

}  // namespace augurfs
