#include "remote/s3_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "support/manual_clock.h"
#include "support/s3_server.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// No two stretches of it are alike.
std::string pattern(std::size_t size) {
  std::mt19937_64 random(7);
  std::string text(size + sizeof(std::uint64_t), '\0');
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(text.data() + at, &word, sizeof word);
  }
  text.resize(size);
  return text;
}

// What a get delivered, and how it ended.
struct Got {
  std::string bytes;
  Result<void> result;
};

Got get(ObjectStore& store, const Version& version, ByteRange range, std::stop_token stop = {}) {
  Got got;
  got.result = store.get(
      version, range,
      [&](std::span<const std::byte> piece) {
        got.bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return true;
      },
      std::move(stop));
  return got;
}

Got get(ObjectStore& store, const Version& version) {
  return get(store, version, {0, version.size});
}

void silence(Reply& reply) {
  reply.is_silent = true;
  reply.end = Reply::End::kStall;
}

class S3StoreTest : public testing::Test {
 protected:
  // The clocks of retries and signatures are ours: no test sleeps.
  S3Surroundings surroundings() {
    S3Surroundings result;
    result.environment = [this](const std::string& name) -> std::optional<std::string> {
      if (const auto own = variables_.find(name); own != variables_.end()) return own->second;
      return S3Server::environment(name);
    };
    result.now = [this] { return std::chrono::system_clock::now() + wall_clock_error_; };
    result.retry_clock.now = time_.function();
    result.retry_clock.sleep = [this](milliseconds time, const std::stop_token& stop) {
      slept_ += time;
      time_.advance(time);
      return !stop.stop_requested();
    };
    result.retry_clock.random = [] { return 1; };
    return result;
  }

  std::unique_ptr<S3Store> open(const StoreOptions& options) {
    auto store = S3Store::open(server_.url(), options, surroundings());
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }
  std::unique_ptr<S3Store> open() { return open(server_.options()); }
  // One whose retries know how long a request has really taken.
  std::unique_ptr<S3Store> open_on_time(const StoreOptions& options) {
    S3Surroundings real = surroundings();
    real.retry_clock.now = std::chrono::steady_clock::now;
    auto store = S3Store::open(server_.url(), options, real);
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }

  void expect_error(const Result<void>& result, ErrorCode code,
                    const std::vector<std::string>& parts) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().message;
    for (const std::string& part : parts) {
      EXPECT_NE(result.error().message.find(part), std::string::npos)
          << "'" << part << "' is not in: " << result.error().message;
    }
    EXPECT_EQ(result.error().message.find("test-secret"), std::string::npos);
  }

  S3Server server_;
  ManualClock time_;
  milliseconds slept_{0};
  seconds wall_clock_error_{0};
  std::map<std::string, std::string> variables_;
};

TEST_F(S3StoreTest, HeadKnowsETagSizeAndWholeSeconds) {
  const Version version = server_.bucket().put("a b+c%/\xC3\xA9", "hello");
  const auto store = open();
  const auto info = store->head(version.key, {});
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->version, version);
  EXPECT_EQ(info->modified, server_.bucket().head(version.key, {})->modified);
}

TEST_F(S3StoreTest, HeadOfAMissingKeyIsNotFoundAndNoErrorOfTheStore) {
  const auto store = open();
  const auto info = store->head("missing", {});
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(info.error().message,
            "s3://bucket/missing: there is no such object: HTTP 404 (request id request-7)");
  EXPECT_EQ(store->head("", {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->stats().errors, 0U);
  EXPECT_EQ(store->stats().requests, 1U);
}

TEST_F(S3StoreTest, HeadAndListAgree) {
  for (const char* key :
       {"plain", "a b", "a+b", "a%20b", "x//y", "\xC3\xA9/\xE2\x82\xAC", "&<>'\"", "end/"}) {
    server_.bucket().put(key, key);
  }
  const auto store = open();
  const auto page = store->list({}, {});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->objects.size(), 8U);
  for (const ObjectInfo& object : page->objects) {
    const auto info = store->head(object.version.key, {});
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->version, object.version);
    EXPECT_EQ(info->modified, object.modified);
    EXPECT_EQ(get(*store, object.version).bytes, object.version.key);
  }
}

TEST_F(S3StoreTest, ListsPageByPage) {
  for (int i = 0; i < 10; ++i) server_.bucket().put("d/" + std::to_string(i), "x");
  for (int i = 0; i < 5; ++i) server_.bucket().put("d/sub" + std::to_string(i) + "/k", "x");
  const auto store = open();
  ListRequest request;
  request.prefix = "d/";
  request.delimiter = "/";
  request.start_after = "d/2";
  request.max_keys = 4;
  std::vector<std::string> keys;
  std::vector<std::string> prefixes;
  int pages = 0;
  do {
    const auto page = store->list(request, {});
    ASSERT_TRUE(page) << page.error().message;
    for (const auto& object : page->objects) keys.push_back(object.version.key);
    prefixes.insert(prefixes.end(), page->prefixes.begin(), page->prefixes.end());
    request.continuation = page->next;
    ++pages;
  } while (!request.continuation.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(keys, (std::vector<std::string>{"d/3", "d/4", "d/5", "d/6", "d/7", "d/8", "d/9"}));
  EXPECT_EQ(prefixes.size(), 5U);
}

TEST_F(S3StoreTest, AListingThatDoesNotMoveOnOrIsNoneIsCorrupt) {
  const auto store = open();
  server_.spoil_next([](Reply& reply) { reply.body = "<html>hello</html>"; });
  const auto page = store->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kCorrupt);
  server_.spoil_next([](Reply& reply) {
    reply.body =
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t"
        "</NextContinuationToken></ListBucketResult>";
  });
  ListRequest request;
  request.continuation = "t";
  const auto stuck = store->list(request, {});
  ASSERT_FALSE(stuck);
  EXPECT_EQ(stuck.error().code, ErrorCode::kCorrupt);
}

TEST_F(S3StoreTest, GetsAnyRangeWithIfMatch) {
  const std::string content = pattern(100'000);
  const Version version = server_.bucket().put("key", content);
  const auto store = open();
  for (const ByteRange range : {ByteRange{0, 100'000}, {0, 1}, {99'999, 1}, {5'000, 70'000}}) {
    const Got got = get(*store, version, range);
    ASSERT_TRUE(got.result) << got.result.error().message;
    EXPECT_EQ(got.bytes, content.substr(range.offset, range.length));
    const ServedRequest served = server_.http().requests().back();
    EXPECT_EQ(served.header("if-match"), "\"" + version.etag + "\"");
    EXPECT_EQ(served.header("range"), "bytes=" + std::to_string(range.offset) + "-" +
                                          std::to_string(range.offset + range.length - 1));
  }
  EXPECT_EQ(store->stats().bytes_received, 170'002U);
}

TEST_F(S3StoreTest, AnEmptyRangeMakesNoRequestAndAWrongOneIsInvalid) {
  const Version version = server_.bucket().put("key", "0123");
  const auto store = open();
  EXPECT_TRUE(get(*store, version, {2, 0}).result);
  EXPECT_TRUE(get(*store, version, {4, 0}).result);
  for (const ByteRange range : {ByteRange{0, 5}, {4, 1}, {5, 1}, {1, ~0ULL}}) {
    expect_error(get(*store, version, range).result, ErrorCode::kInvalid, {});
  }
  EXPECT_EQ(store->stats().requests, 0U);
}

TEST_F(S3StoreTest, AReplacedObjectIsStaleAndSoIsADeletedOne) {
  const Version version = server_.bucket().put("key", "old");
  const auto store = open();
  server_.bucket().put("key", "new");
  Got got = get(*store, version);
  expect_error(got.result, ErrorCode::kStale, {"s3://bucket/key", "412", "PreconditionFailed"});
  EXPECT_EQ(got.bytes, "");
  server_.bucket().remove("key");
  got = get(*store, version);
  expect_error(got.result, ErrorCode::kStale, {"s3://bucket/key", "deleted", "404"});
  EXPECT_EQ(store->stats().retries, 0U);
}

TEST_F(S3StoreTest, AnotherVersionFromAServerThatIgnoresIfMatchIsStale) {
  const Version version = server_.bucket().put("key", "old");
  const auto store = open();
  server_.spoil_next([](Reply& reply) { reply.set_header("ETag", "\"another\""); });
  const Got got = get(*store, version);
  expect_error(got.result, ErrorCode::kStale, {"another", version.etag});
  EXPECT_EQ(got.bytes, "");
}

// Each spoils an answer so that its bytes cannot be trusted.
class S3StoreLies : public S3StoreTest,
                    public testing::WithParamInterface<std::pair<const char*, S3Server::Spoil>> {};

TEST_P(S3StoreLies, AreCorruptAndNotData) {
  const Version version = server_.bucket().put("key", pattern(1'000));
  const auto store = open();
  server_.spoil_next(GetParam().second);
  const Got got = get(*store, version, {100, 800});
  expect_error(got.result, ErrorCode::kCorrupt, {"s3://bucket/key"});
  EXPECT_TRUE(pattern(1'000).substr(100, 800).starts_with(got.bytes));
  EXPECT_EQ(store->stats().retries, 0U);
  EXPECT_EQ(store->stats().errors, 1U);
  EXPECT_TRUE(get(*store, version).result);
}

INSTANTIATE_TEST_SUITE_P(
    Of, S3StoreLies,
    testing::Values(
        std::pair{"a_200_for_a_range", S3Server::Spoil([](Reply& reply) {
                    reply.status = 200;
                    reply.body = pattern(1'000);
                  })},
        std::pair{"an_empty_200", S3Server::Spoil([](Reply& reply) {
                    reply.status = 200;
                    reply.body = "";
                  })},
        std::pair{"another_range", S3Server::Spoil([](Reply& reply) {
                    reply.set_header("Content-Range", "bytes 101-900/1000");
                  })},
        std::pair{"a_longer_range", S3Server::Spoil([](Reply& reply) {
                    reply.set_header("Content-Range", "bytes 100-900/1000");
                  })},
        std::pair{"another_total", S3Server::Spoil([](Reply& reply) {
                    reply.set_header("Content-Range", "bytes 100-899/1001");
                  })},
        std::pair{"no_range_at_all",
                  S3Server::Spoil([](Reply& reply) { reply.set_header("Content-Range", ""); })},
        std::pair{"no_etag", S3Server::Spoil([](Reply& reply) { reply.set_header("ETag", ""); })},
        std::pair{"a_longer_length",
                  S3Server::Spoil([](Reply& reply) { reply.body += "surplus"; })},
        std::pair{"a_shorter_length",
                  S3Server::Spoil([](Reply& reply) { reply.body.resize(700); })},
        std::pair{"more_than_promised_without_a_length", S3Server::Spoil([](Reply& reply) {
                    reply.body += "surplus";
                    reply.has_length = false;
                    reply.end = Reply::End::kClose;
                  })}),
    [](const auto& tested) { return tested.param.first; });

// Each breaks an answer after some bytes; the sink sees each byte once all the same.
class S3StoreBreaks : public S3StoreTest,
                      public testing::WithParamInterface<std::pair<const char*, S3Server::Spoil>> {
};

TEST_P(S3StoreBreaks, AreRetriedFromTheByteReached) {
  const std::string content = pattern(900'000);
  const Version version = server_.bucket().put("key", content);
  StoreOptions options = server_.options();
  if (std::string(GetParam().first) == "a_stall") options.stall_timeout = milliseconds(200);
  const auto store = open(options);
  for (int i = 0; i < 3; ++i) server_.spoil_next(GetParam().second);
  const Got got = get(*store, version, {1'000, 800'000});
  ASSERT_TRUE(got.result) << got.result.error().message;
  EXPECT_TRUE(got.bytes == content.substr(1'000, 800'000));
  EXPECT_EQ(store->stats().requests, 4U);
  EXPECT_EQ(store->stats().retries, 3U);
  EXPECT_EQ(store->stats().errors, 0U);
}

S3Server::Spoil cut(std::size_t bytes, Reply::End end) {
  return [=](Reply& reply) {
    reply.body_bytes_sent = bytes;
    reply.end = end;
  };
}

INSTANTIATE_TEST_SUITE_P(
    By, S3StoreBreaks,
    testing::Values(std::pair{"a_short_body", cut(200'000, Reply::End::kClose)},
                    std::pair{"a_reset", cut(200'000, Reply::End::kReset)},
                    std::pair{"a_stall", cut(200'000, Reply::End::kStall)},
                    std::pair{"a_short_body_without_a_length", S3Server::Spoil([](Reply& reply) {
                                reply.has_length = false;
                                reply.body_bytes_sent = 100'000;
                                reply.end = Reply::End::kClose;
                              })},
                    std::pair{"a_hang_up_before_the_body", cut(0, Reply::End::kClose)},
                    std::pair{"a_503", S3Server::error(503, "SlowDown")},
                    std::pair{"a_500", S3Server::error(500, "InternalError")},
                    std::pair{"a_429", S3Server::error(429, "TooManyRequests")},
                    std::pair{"a_408", S3Server::error(408, "")},
                    std::pair{"a_400_that_means_408", S3Server::error(400, "RequestTimeout")}),
    [](const auto& tested) { return tested.param.first; });

TEST_F(S3StoreTest, ARetryAsksOnlyForTheRest) {
  const Version version = server_.bucket().put("key", pattern(1'000));
  const auto store = open();
  server_.spoil_next(cut(300, Reply::End::kClose));
  ASSERT_TRUE(get(*store, version).result);
  EXPECT_EQ(server_.http().requests().back().header("range"), "bytes=300-999");
}

TEST_F(S3StoreTest, ABreakAfterTheLastByteIsNotAnError) {
  const Version version = server_.bucket().put("key", pattern(1'000));
  const auto store = open();
  // A chunked body that lacks nothing but the last, empty chunk.
  server_.spoil_next([](Reply& reply) {
    reply.has_length = false;
    reply.set_header("Transfer-Encoding", "chunked");
    reply.body = "3e8\r\n" + reply.body + "\r\n";
    reply.end = Reply::End::kClose;
  });
  const Got got = get(*store, version);
  EXPECT_TRUE(got.result);
  EXPECT_EQ(got.bytes, pattern(1'000));
  EXPECT_EQ(server_.http().requests().size(), 1U);
}

TEST_F(S3StoreTest, AnObjectReplacedBetweenTwoAttemptsIsStaleAndNeverAMixture) {
  const Version version = server_.bucket().put("key", pattern(1'000));
  const auto store = open();
  server_.spoil_next([this](Reply& reply) {
    cut(300, Reply::End::kClose)(reply);
    server_.bucket().put("key", "another content");
  });
  const Got got = get(*store, version);
  expect_error(got.result, ErrorCode::kStale, {});
  EXPECT_EQ(got.bytes, pattern(1'000).substr(0, 300));
}

TEST_F(S3StoreTest, HonoursRetryAfter) {
  server_.bucket().put("key", "x");
  const auto store = open();
  ASSERT_TRUE(store->head("key", {}));
  server_.spoil_next(S3Server::error(503, "SlowDown", {{"Retry-After", "17"}}));
  ASSERT_TRUE(store->head("key", {}));
  EXPECT_GE(slept_, seconds(17));
  EXPECT_LT(slept_, seconds(18));
}

TEST_F(S3StoreTest, GivesUpAfterSoManyAttemptsAndSaysSo) {
  server_.bucket().put("key", "x");
  const auto store = open();
  ASSERT_TRUE(store->list({}, {}));
  for (int i = 0; i < 20; ++i) server_.spoil_next(S3Server::error(503, "SlowDown"));
  const auto page = store->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(page.error().message,
            "s3://bucket: the server is overloaded or failing: HTTP 503 SlowDown: said the server "
            "(request id request-7) (gave up after 10 attempts in 21 s)");
  EXPECT_EQ(store->stats().errors, 1U);
}

TEST_F(S3StoreTest, KeepsToItsDeadline) {
  StoreOptions options = server_.options();
  options.deadline = seconds(5);
  options.max_attempts = 1'000'000;
  const auto store = open(options);
  for (int i = 0; i < 20; ++i) server_.spoil_next(S3Server::error(500, "InternalError"));
  ASSERT_FALSE(store->list({}, {}));
  EXPECT_LT(slept_, seconds(5));
}

TEST_F(S3StoreTest, OnlyBytesThatArriveMoveTheDeadline) {
  StoreOptions options = server_.options();
  options.deadline = milliseconds(300);
  const auto store = open_on_time(options);
  // 4 MiB, for which a slow line would take a minute; but no byte comes.
  const Version version = server_.bucket().put("key", pattern(4 << 20));
  server_.spoil_next(silence);
  const Got got = get(*store, version);
  ASSERT_FALSE(got.result);
  EXPECT_EQ(got.result.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(store->stats().requests, 1U) << got.result.error().message;
}

TEST_F(S3StoreTest, ASilentServerIsNamedAlsoWhenTheDeadlineComesBeforeTheStall) {
  StoreOptions options = server_.options();
  // As by default for who is in haste: the deadline is two stalls, so the second is cut short.
  options.deadline = milliseconds(400);
  options.stall_timeout = milliseconds(200);
  const auto store = open_on_time(options);
  for (int i = 0; i < 2; ++i) server_.spoil_next(silence);
  ListRequest request;
  request.in_haste = true;
  const auto page = store->list(request, {});
  ASSERT_FALSE(page);
  EXPECT_NE(page.error().message.find("took the request and has not answered for 0."),
            std::string::npos)
      << page.error().message;
}

TEST_F(S3StoreTest, ADeadEndpointIsToldSoonToWhoIsInHaste) {
  StoreOptions options = server_.options();
  {
    HttpServer gone([](const ServedRequest&) { return Reply{}; });
    options.endpoint = gone.url();
  }
  const auto store = open(options);
  ListRequest request;
  request.in_haste = true;
  const auto page = store->list(request, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(page.error().message,
            "s3://bucket: cannot connect to " + options.endpoint.substr(7) +
                ": Connection refused; is the endpoint right, and does its server run? (gave up "
                "after 2 attempts in 0 s)");
  EXPECT_LT(slept_, seconds(1));
  EXPECT_FALSE(store->list({}, {}));
  EXPECT_EQ(store->stats().requests, 12U) << "others are patient";
}

TEST_F(S3StoreTest, AServerThatNeverAnswersIsATimeout) {
  StoreOptions options = server_.options();
  options.stall_timeout = milliseconds(100);
  const auto store = open(options);
  for (int i = 0; i < 2; ++i) server_.spoil_next(silence);
  ListRequest request;
  request.in_haste = true;
  const auto page = store->list(request, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kTimeout) << page.error().message;
}

TEST_F(S3StoreTest, DeniedIsNotRetriedAndSaysWhatWasTried) {
  const Version version = server_.bucket().put("key", "x");
  const auto store = open();
  const std::vector<std::pair<std::string, std::string>> cases{
      {"AccessDenied", "access denied"},
      {"InvalidObjectState", "the object is archived"},
      {"InvalidAccessKeyId", "the access key is unknown"},
      {"SignatureDoesNotMatch", "the secret key does not fit"}};
  for (const auto& [code, says] : cases) {
    server_.spoil_next(S3Server::error(403, code));
    // Those keys may have been rotated: they are looked up once more.
    const bool keys = code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch";
    if (keys) server_.spoil_next(S3Server::error(403, code));
    expect_error(get(*store, version).result, ErrorCode::kDenied,
                 {"s3://bucket/key", "403", code, says, "request-7", "credentials from "});
  }
  EXPECT_EQ(store->stats().retries, 0U);
}

TEST_F(S3StoreTest, ABucketThatDoesNotExistIsNamed) {
  StoreUrl url = server_.url();
  url.bucket = "no-such-bucket";
  const auto store = *S3Store::open(url, server_.options(), surroundings());
  const auto page = store->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(
      page.error().message.starts_with("s3://no-such-bucket: the bucket does not exist: HTTP 404"))
      << page.error().message;
}

TEST_F(S3StoreTest, AListingThatIsNotThereForNoReasonOfS3IsNoBucketWithoutObjects) {
  const auto store = open();
  for (const int status : {404, 405}) {
    server_.spoil_next([status](Reply& reply) {
      reply.status = status;
      reply.body = "<html>no such page</html>";
    });
    const auto page = store->list({}, {});
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, ErrorCode::kInvalid) << "nothing is gone";
    EXPECT_TRUE(page.error().message.starts_with("s3://bucket: what answers does not look like S3"))
        << page.error().message;
    EXPECT_TRUE(page.error().message.ends_with("; check remote.endpoint"));
  }
}

TEST_F(S3StoreTest, AnonymousRequestsAreNotSigned) {
  StoreOptions options = server_.options();
  options.anonymous = true;
  const auto store = open(options);
  ASSERT_TRUE(store->list({}, {}));
  EXPECT_EQ(server_.http().requests().at(0).header("authorization"), "");
  server_.spoil_next(S3Server::error(403, "AccessDenied"));
  const auto page = store->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_NE(page.error().message.find("anonymous"), std::string::npos);
}

TEST_F(S3StoreTest, SendsSessionTokenRegionAndRequesterPays) {
  variables_["AWS_SESSION_TOKEN"] = "session";
  StoreOptions options = server_.options();
  options.region = "eu-north-1";
  options.requester_pays = true;
  ASSERT_TRUE(open(options)->list({}, {}));
  const ServedRequest served = server_.http().requests().at(0);
  EXPECT_EQ(served.header("x-amz-security-token"), "session");
  EXPECT_EQ(served.header("x-amz-request-payer"), "requester");
  EXPECT_NE(served.header("authorization").find("/eu-north-1/s3/"), std::string::npos);
  EXPECT_NE(served.header("authorization").find("x-amz-request-payer"), std::string::npos);
}

// curl knows every name under localhost (RFC 6761) without asking.
TEST_F(S3StoreTest, VirtualHostStylePutsTheBucketIntoTheHostAndSignsIt) {
  Reply found;
  found.headers = {{"etag", "\"e\""}, {"last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"}};
  HttpServer server([&](const ServedRequest&) { return found; });
  StoreOptions options = server_.options();
  options.endpoint = "http://localhost:" + std::to_string(server.port());
  options.path_style = false;
  const auto store = S3Store::open(*parse_store_url("s3://pail"), options, surroundings());
  ASSERT_TRUE(store) << store.error().message;
  const auto head = (*store)->head("a b/c", {});
  ASSERT_TRUE(head) << head.error().message;
  const ServedRequest served = server.requests().at(0);
  EXPECT_EQ(served.header("host"), "pail.localhost:" + std::to_string(server.port()));
  EXPECT_EQ(served.target, "/a%20b/c");
  EXPECT_NE(served.header("authorization").find("SignedHeaders=host;"), std::string::npos);
}

TEST_F(S3StoreTest, AdoptsTheRegionThatTheServerNames) {
  server_.spoil_next(
      S3Server::error(301, "PermanentRedirect", {{"x-amz-bucket-region", "eu-west-1"}}));
  const auto store = open();
  ASSERT_TRUE(store->list({}, {}));
  ASSERT_TRUE(store->list({}, {}));
  const auto served = server_.http().requests();
  ASSERT_EQ(served.size(), 3U);
  EXPECT_NE(served[0].header("authorization").find("/us-east-1/"), std::string::npos);
  EXPECT_NE(served[1].header("authorization").find("/eu-west-1/"), std::string::npos);
  EXPECT_NE(served[2].header("authorization").find("/eu-west-1/"), std::string::npos);
}

TEST_F(S3StoreTest, NamesTheRegionWhenAdoptingItDoesNotHelp) {
  for (const char* region : {"eu-west-1", "eu-west-2"}) {
    server_.spoil_next([=](Reply& reply) {
      reply.status = 400;
      reply.body =
          "<Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong</Message><Region>" +
          std::string(region) + "</Region></Error>";
    });
  }
  const auto page = open()->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kInvalid);
  EXPECT_NE(page.error().message.find("in the region eu-west-2, not eu-west-1: "),
            std::string::npos)
      << page.error().message;
}

TEST_F(S3StoreTest, CorrectsAClockThatIsWrong) {
  wall_clock_error_ = -std::chrono::hours(5);
  server_.spoil_next(S3Server::error(403, "RequestTimeTooSkewed"));
  const auto store = open();
  ASSERT_TRUE(store->list({}, {}));
  ASSERT_TRUE(store->list({}, {}));
  const auto served = server_.http().requests();
  ASSERT_EQ(served.size(), 3U);
  EXPECT_LT(served[0].header("x-amz-date"), served[1].header("x-amz-date"));
  EXPECT_LE(served[1].header("x-amz-date"), served[2].header("x-amz-date"));
}

TEST_F(S3StoreTest, SuspectsTheClockWhenAHeadIsDeniedWithoutAReason) {
  const Version version = server_.bucket().put("key", "x");
  wall_clock_error_ = std::chrono::hours(2);
  server_.spoil_next(S3Server::error(403, ""));
  const auto store = open();
  EXPECT_TRUE(store->head("key", {}));
  // The clock has been put right, so now it is not the reason.
  server_.spoil_next(S3Server::error(403, "AccessDenied"));
  EXPECT_FALSE(store->head("key", {}));
}

TEST_F(S3StoreTest, NamesBothClocksWhenCorrectingDoesNotHelp) {
  for (int i = 0; i < 2; ++i) {
    server_.spoil_next(
        S3Server::error(403, "RequestTimeTooSkewed", {{"Date", "Wed, 21 Oct 2015 07:28:00 GMT"}}));
  }
  const auto page = open()->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kDenied);
  EXPECT_NE(page.error().message.find("the clocks differ too much: this machine's says 20"),
            std::string::npos)
      << page.error().message;
  EXPECT_NE(page.error().message.find("the server's 2015-10-21 07:28:00 UTC"), std::string::npos);
}

TEST_F(S3StoreTest, AsksForFreshCredentialsOnceWhenTheTokenHasExpired) {
  variables_["AWS_SESSION_TOKEN"] = "session";
  const auto store = open();
  server_.spoil_next(S3Server::error(400, "ExpiredToken"));
  ASSERT_TRUE(store->list({}, {}));
  EXPECT_EQ(store->stats().requests, 2U);
  for (int i = 0; i < 3; ++i) server_.spoil_next(S3Server::error(400, "ExpiredToken"));
  const auto page = store->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kDenied);
  EXPECT_NE(page.error().message.find("the credentials have expired"), std::string::npos);
  EXPECT_EQ(store->stats().requests, 4U);
}

TEST_F(S3StoreTest, TakesKeysThatWereRotatedFromWhereTheyLie) {
  const auto store = open();
  ASSERT_TRUE(store->list({}, {}));
  variables_["AWS_ACCESS_KEY_ID"] = "rotated";
  for (const char* const code : {"InvalidAccessKeyId", "SignatureDoesNotMatch"}) {
    server_.spoil_next(S3Server::error(403, code));
    ASSERT_TRUE(store->list({}, {})) << code;
    const auto requests = server_.http().requests();
    EXPECT_NE(requests.back().header("authorization").find("rotated"), std::string::npos);
  }
}

TEST_F(S3StoreTest, WithoutCredentialsSaysSoAndMakesNoRequest) {
  auto without = surroundings();
  const TemporaryDirectory home;
  without.environment = [&](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return home.path().string();
    if (name == "AWS_EC2_METADATA_DISABLED") return "true";
    return std::nullopt;
  };
  const auto store = *S3Store::open(server_.url(), server_.options(), without);
  const auto page = store->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kDenied);
  EXPECT_NE(page.error().message.find("AWS_ACCESS_KEY_ID"), std::string::npos)
      << page.error().message;
  EXPECT_TRUE(server_.http().requests().empty());
}

TEST(S3Surroundings, ReadTheEnvironmentOfTheProcessUnlessToldOtherwise) {
  const S3Surroundings surroundings;
  EXPECT_EQ(surroundings.environment("PATH"), std::getenv("PATH"));
  EXPECT_EQ(surroundings.environment("AUGURFS_NO_SUCH_VARIABLE"), std::nullopt);
}

TEST_F(S3StoreTest, ASinkThatWantsNoMoreCancelsWithoutARetry) {
  const Version version = server_.bucket().put("key", pattern(1'000));
  const auto store = open();
  const auto result =
      store->get(version, {0, 1'000}, [](std::span<const std::byte>) { return false; }, {});
  expect_error(result, ErrorCode::kCancelled, {});
  EXPECT_EQ(store->stats().requests, 1U);
  EXPECT_EQ(store->stats().errors, 0U);
}

TEST_F(S3StoreTest, AStopRequestEndsAGetThatWaits) {
  const Version version = server_.bucket().put("key", pattern(1'000));
  const auto store = open();
  server_.spoil_next(cut(300, Reply::End::kStall));
  Got got;
  std::jthread thread([&](const std::stop_token& stop) {
    got = get(*store, version, {0, 1'000}, stop);
  });
  server_.http().wait_for_requests(1);
  thread.request_stop();
  thread.join();
  expect_error(got.result, ErrorCode::kCancelled, {});
  EXPECT_EQ(store->stats().errors, 0U);
}

TEST_F(S3StoreTest, KeysThatTheServerCannotHaveAreNotFound) {
  server_.spoil_next(S3Server::error(400, "KeyTooLongError"));
  EXPECT_EQ(open()->head(std::string(2'000, 'x'), {}).error().code, ErrorCode::kNotFound);
}

TEST_F(S3StoreTest, RefusesAnEndpointThatIsNone) {
  StoreOptions options;
  options.endpoint = "localhost:7480";
  const auto store = S3Store::open(server_.url(), options, surroundings());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kInvalid);
}

TEST_F(S3StoreTest, ManyFaultsYieldTheRightBytesOrAnError) {
  const std::string content = pattern(300'000);
  const Version version = server_.bucket().put("key", content);
  const auto store = open();
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  for (int round = 0; round < 200; ++round) {
    const auto faults = random() % 4;
    for (unsigned i = 0; i < faults; ++i) {
      const std::size_t bytes = random() % 300'000;
      switch (random() % 6) {
        case 0:
          server_.spoil_next(cut(bytes, Reply::End::kClose));
          break;
        case 1:
          server_.spoil_next(cut(bytes, Reply::End::kReset));
          break;
        case 2:
          server_.spoil_next(S3Server::error(503, "SlowDown"));
          break;
        case 3:
          server_.spoil_next([](Reply& reply) { reply.body += "surplus"; });
          break;
        case 4:
          server_.spoil_next([](Reply& reply) { reply.status = 200; });
          break;
        default:
          server_.spoil_next([=](Reply& reply) {
            reply.has_length = false;
            cut(bytes, Reply::End::kClose)(reply);
          });
      }
    }
    const std::uint64_t offset = random() % content.size();
    const std::uint64_t length = random() % (content.size() - offset + 1);
    const Got got = get(*store, version, {offset, length});
    const std::string expected = content.substr(offset, length);
    ASSERT_TRUE(got.result ? got.bytes == expected : expected.starts_with(got.bytes)) << round;
  }
}

}  // namespace
}  // namespace augurfs
