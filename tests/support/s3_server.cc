#include "support/s3_server.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <map>

#include "remote/percent_encoding.h"

namespace augurfs {
namespace {

const std::string kBucket = "bucket";

std::map<std::string, std::string> parse_query(const std::string& query) {
  std::map<std::string, std::string> parameters;
  std::size_t at = 0;
  while (at < query.size()) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string parameter = query.substr(at, end - at);
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    parameters[parameter.substr(0, equals)] =
        *percent_decode(parameter.substr(std::min(equals + 1, parameter.size())));
    at = end + 1;
  }
  return parameters;
}

std::string iso_date(std::chrono::sys_seconds time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(time - days);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02ld:%02ld:%02ld.789Z",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<long>(clock.hours().count()),
                static_cast<long>(clock.minutes().count()),
                static_cast<long>(clock.seconds().count()));
  return text.data();
}

std::string http_date(std::chrono::sys_seconds time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &fields);
  return text.data();
}

Reply xml_error(int status, const std::string& code) {
  Reply reply;
  reply.status = status;
  reply.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
               "</Code><Message>said the server</Message><RequestId>request-7</RequestId></Error>";
  return reply;
}

}  // namespace

S3Server::S3Server(std::optional<TestTls> tls)
    : http_([this](const ServedRequest& request) { return answer(request); }, std::move(tls)) {}

StoreUrl S3Server::url() const {
  StoreUrl url;
  url.bucket = kBucket;
  return url;
}

StoreOptions S3Server::options() const {
  StoreOptions options;
  options.endpoint = http_.url();
  return options;
}

std::optional<std::string> S3Server::environment(const std::string& variable) {
  if (variable == "AWS_ACCESS_KEY_ID") return "test-access";
  if (variable == "AWS_SECRET_ACCESS_KEY") return "test-secret";
  return std::nullopt;
}

S3Server::Spoil S3Server::error(int status, const std::string& code,
                                const std::vector<std::pair<std::string, std::string>>& headers) {
  return [=](Reply& reply) {
    const auto date = std::find_if(reply.headers.begin(), reply.headers.end(),
                                   [](const auto& header) { return header.first == "Date"; });
    const auto kept = *date;
    reply = xml_error(status, code);
    reply.headers = headers;
    if (std::none_of(headers.begin(), headers.end(),
                     [](const auto& header) { return header.first == "Date"; })) {
      reply.headers.push_back(kept);
    }
  };
}

Reply S3Server::answer(const ServedRequest& request) {
  const std::size_t question = std::min(request.target.find('?'), request.target.size());
  const std::string path = *percent_decode(request.target.substr(0, question));
  Reply reply;
  if (path == "/" + kBucket) {
    reply = list(request.target.substr(std::min(question + 1, request.target.size())));
  } else if (path.starts_with("/" + kBucket + "/")) {
    reply = read(path.substr(kBucket.size() + 2), request);
  } else {
    reply = xml_error(404, "NoSuchBucket");
  }
  reply.set_header(
      "Date",
      http_date(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())));
  reply.set_header("x-amz-request-id", "request-7");
  std::optional<Spoil> spoil;
  {
    auto spoils = spoils_.lock();
    if (!spoils->empty()) {
      spoil = std::move(spoils->front());
      spoils->pop_front();
    }
  }
  if (spoil) (*spoil)(reply);
  return reply;
}

Reply S3Server::list(const std::string& query) {
  auto parameters = parse_query(query);
  ListRequest request;
  request.prefix = parameters["prefix"];
  request.delimiter = parameters["delimiter"];
  request.start_after = parameters["start-after"];
  request.continuation = parameters["continuation-token"];
  request.max_keys = std::stoi(parameters["max-keys"]);
  const ListPage page = *bucket_.list(request, {});
  Reply reply;
  reply.body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3."
      "amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>";
  reply.body +=
      std::string("<IsTruncated>") + (page.next.empty() ? "false" : "true") + "</IsTruncated>";
  if (!page.next.empty()) {
    reply.body += "<NextContinuationToken>" + page.next + "</NextContinuationToken>";
  }
  for (const ObjectInfo& object : page.objects) {
    reply.body += "<Contents><Key>" + percent_encode_path(object.version.key) +
                  "</Key><LastModified>" + iso_date(object.modified) +
                  "</LastModified><ETag>&quot;" + object.version.etag + "&quot;</ETag><Size>" +
                  std::to_string(object.version.size) + "</Size></Contents>";
  }
  for (const std::string& prefix : page.prefixes) {
    reply.body +=
        "<CommonPrefixes><Prefix>" + percent_encode_path(prefix) + "</Prefix></CommonPrefixes>";
  }
  reply.body += "</ListBucketResult>";
  return reply;
}

Reply S3Server::read(const std::string& key, const ServedRequest& request) {
  const Result<ObjectInfo> info = bucket_.head(key, {});
  if (!info) return xml_error(404, "NoSuchKey");
  const Version& version = info->version;
  const std::string etag = "\"" + version.etag + "\"";
  const std::string wanted = request.header("if-match");
  if (!wanted.empty() && wanted != etag) return xml_error(412, "PreconditionFailed");

  Reply reply;
  reply.set_header("ETag", etag);
  reply.set_header("Last-Modified", http_date(info->modified));
  if (request.method == "HEAD") {
    reply.content_length = version.size;
    return reply;
  }
  const auto taken =
      bucket_.get(version, {0, version.size},
                  [&](std::span<const std::byte> bytes) {
                    reply.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                    return true;
                  },
                  {});
  if (!taken) return xml_error(500, "InternalError");
  std::string range = request.header("range");
  if (range.empty()) return reply;
  range.erase(0, std::string("bytes=").size());
  const std::size_t dash = range.find('-');
  const std::size_t begin = std::stoull(range.substr(0, dash));
  const std::size_t last =
      std::min<std::size_t>(std::stoull(range.substr(dash + 1)), version.size - 1);
  reply.status = 206;
  reply.body = reply.body.substr(begin, last - begin + 1);
  reply.set_header("Content-Range", "bytes " + std::to_string(begin) + "-" + std::to_string(last) +
                                        "/" + std::to_string(version.size));
  return reply;
}

}  // namespace augurfs
