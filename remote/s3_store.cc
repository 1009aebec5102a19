#include "remote/s3_store.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "remote/dates.h"
#include "remote/s3_xml.h"

namespace augurfs {
namespace {

constexpr int kListKeysMax = 1000;  // S3's own

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || end != text.end() || text.empty()) return std::nullopt;
  return value;
}

std::string without_quotes(std::string_view etag) {
  std::string text(etag);
  std::erase(text, '"');
  return text;
}

std::string content_range(std::uint64_t begin, std::uint64_t end, std::uint64_t size) {
  return "bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" +
         std::to_string(size);
}

// One get over all its attempts: what has arrived, and whether an answer is what was asked for.
// Everything is called on the thread of the get.
class RangeReader {
 public:
  RangeReader(const Version& version, ByteRange range, const ByteSink& sink)
      : version_(version), at_(range.offset), end_(range.offset + range.length), sink_(sink) {}

  std::optional<S3Request> request() const {
    if (at_ == end_) return std::nullopt;
    return S3Request{"GET",
                     version_.key,
                     {},
                     {{"range", "bytes=" + std::to_string(at_) + "-" + std::to_string(end_ - 1)},
                      {"if-match", "\"" + version_.etag + "\""}}};
  }

  // An answer that is refused goes to the sink as well: that is where it is cut off.
  bool wants_body(const HttpResponse& answer) {
    if (answer.status >= 300) return false;
    refusal_ = verdict(answer);
    return true;
  }

  bool take(std::span<const std::byte> bytes) {
    if (refusal_) return false;
    if (bytes.size() > end_ - at_) {
      refusal_ = corrupt("sent more than was asked for");
      return false;
    }
    if (!sink_(bytes)) {
      refusal_ = Error{ErrorCode::kCancelled, "cancelled"};
      return false;
    }
    at_ += bytes.size();
    return true;
  }

  std::optional<S3Failure> check() const {
    if (refusal_) return S3Failure{*refusal_};
    if (at_ == end_) return std::nullopt;
    return S3Failure{{ErrorCode::kUnavailable,
                      "the answer ended " + std::to_string(end_ - at_) + " bytes early"},
                     true};
  }

 private:
  static Error corrupt(const std::string& what) {
    return {ErrorCode::kCorrupt, "the server " + what};
  }

  std::optional<Error> verdict(const HttpResponse& answer) const {
    if (answer.status != 206) {
      return corrupt("answered " + std::to_string(answer.status) +
                     " rather than 206 to a request for a range");
    }
    const std::string etag = without_quotes(answer.header("etag"));
    if (etag.empty()) return corrupt("did not say which version it sent");
    if (etag != version_.etag) {
      return Error{ErrorCode::kStale, "the object has been replaced: its ETag is '" + etag +
                                          "', not '" + version_.etag + "'"};
    }
    const std::string expected = content_range(at_, end_, version_.size);
    if (answer.header("content-range") != expected) {
      return corrupt("sent '" + std::string(answer.header("content-range")) + "' rather than '" +
                     expected + "'");
    }
    const std::string_view length = answer.header("content-length");
    if (!length.empty() && to_number(length) != end_ - at_) {
      return corrupt("promised " + std::string(length) + " bytes for '" + expected + "'");
    }
    return std::nullopt;
  }

  const Version& version_;
  std::uint64_t at_;
  const std::uint64_t end_;
  const ByteSink& sink_;
  std::optional<Error> refusal_;  // why the last answer was cut off
};

}  // namespace

Result<std::unique_ptr<S3Store>> S3Store::open(const StoreUrl& url, const StoreOptions& options,
                                               S3Surroundings surroundings) {
  Result<std::unique_ptr<S3Client>> client = S3Client::open(url, options, std::move(surroundings));
  if (!client) return client.error();
  return std::unique_ptr<S3Store>(new S3Store(std::move(*client)));
}

Result<ObjectInfo> S3Store::head(const std::string& key, std::stop_token stop) {
  if (key.empty()) return Error{ErrorCode::kNotFound, "no object has an empty key"};
  S3Operation operation;
  operation.request = [&] { return S3Request{"HEAD", key, {}, {}}; };
  const Result<HttpResponse> answer = client_->perform(operation, std::move(stop));
  if (!answer) return answer.error();
  const std::string etag = without_quotes(answer->header("etag"));
  const auto size = to_number(answer->header("content-length"));
  const auto modified = parse_http_date(answer->header("last-modified"));
  if (etag.empty() || !size || !modified) {
    return Error{
        ErrorCode::kCorrupt,
        client_->name_of(key) + ": the server did not say ETag, Content-Length and Last-Modified"};
  }
  return ObjectInfo{{key, etag, *size}, *modified};
}

Result<ListPage> S3Store::list(const ListRequest& request, std::stop_token stop) {
  S3Query query{{"encoding-type", "url"},
                {"list-type", "2"},
                {"max-keys", std::to_string(std::clamp(request.max_keys, 1, kListKeysMax))},
                {"prefix", request.prefix}};
  if (!request.delimiter.empty()) query.emplace_back("delimiter", request.delimiter);
  if (!request.continuation.empty()) {
    query.emplace_back("continuation-token", request.continuation);
  } else if (!request.start_after.empty()) {
    query.emplace_back("start-after", request.start_after);
  }
  S3Operation operation;
  operation.in_haste = request.in_haste;
  operation.request = [&] { return S3Request{"GET", "", query, {}}; };
  const Result<HttpResponse> answer = client_->perform(operation, std::move(stop));
  if (!answer) return answer.error();
  const std::string name = client_->name_of(request.prefix);
  Result<ListPage> page = parse_list_page(answer->body);
  if (!page) return page.error().in(name);
  if (!page->next.empty() && page->next == request.continuation) {
    return Error{ErrorCode::kCorrupt, name + ": the listing does not move on"};
  }
  return page;
}

Result<void> S3Store::get(const Version& version, ByteRange range, const ByteSink& sink,
                          std::stop_token stop) {
  if (range.length == 0) return {};
  if (range.offset > version.size || range.length > version.size - range.offset) {
    return Error{ErrorCode::kInvalid, client_->name_of(version.key) + ": bytes " +
                                          std::to_string(range.offset) + " to " +
                                          std::to_string(range.offset + range.length) +
                                          " do not lie in " + std::to_string(version.size)};
  }
  RangeReader reader(version, range, sink);
  S3Operation operation;
  operation.request = [&] { return reader.request(); };
  operation.wants_body = [&](const HttpResponse& answer) { return reader.wants_body(answer); };
  operation.sink = [&](std::span<const std::byte> bytes) { return reader.take(bytes); };
  operation.check = [&] { return reader.check(); };
  operation.missing_key = ErrorCode::kStale;
  const Result<HttpResponse> answer = client_->perform(operation, std::move(stop));
  if (!answer) return answer.error();
  return {};
}

}  // namespace augurfs
