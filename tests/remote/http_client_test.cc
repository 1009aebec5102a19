#include "remote/http_client.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "support/http_server.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

// For servers that are going to stall; a slow machine must not make others seem to.
HttpOptions short_stall() {
  HttpOptions options;
  options.stall_timeout = std::chrono::milliseconds(150);
  return options;
}

std::unique_ptr<HttpClient> open(const HttpOptions& options = {}) {
  Result<std::unique_ptr<HttpClient>> client = HttpClient::open(options);
  EXPECT_TRUE(client) << (client ? "" : client.error().message);
  return client ? std::move(*client) : nullptr;
}

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

bool wants_all(const HttpResponse&) { return true; }

// A sink that keeps what it is given.
struct Collected {
  std::string bytes;
  ByteSink sink() {
    return [this](std::span<const std::byte> piece) {
      bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      return true;
    };
  }
};

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

HttpServer::Handler always(const Reply& reply) {
  return [reply](const ServedRequest&) { return reply; };
}

TEST(HttpClient, ReturnsStatusHeadersAndBody) {
  Reply reply;
  reply.status = 404;
  reply.headers = {{"X-Some-Header", "  its value "}};
  reply.body = "not here";
  HttpServer server(always(reply));
  const auto client = open();
  const auto response = client->send(get(server.url()), {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "not here");
  EXPECT_EQ(response->header("x-some-header"), "its value");
  EXPECT_EQ(response->header("absent"), "");
  EXPECT_EQ(client->requests(), 1U);
  EXPECT_EQ(client->bytes_received(), 8U);
}

TEST(HttpClient, SendsTheUrlMethodHeadersAndBodyAsTheyStand) {
  HttpServer server(always({}));
  const auto client = open();
  HttpRequest request = get(server.url() + "/a/../b//%2F%20c/.?x=%2B&y");
  request.method = "PUT";
  request.headers = {{"x-one", "1"}, {"x-empty", ""}};
  request.body = std::string("the\0body", 8);
  ASSERT_TRUE(client->send(request, {}));
  const ServedRequest served = server.requests().at(0);
  EXPECT_EQ(served.method, "PUT");
  EXPECT_EQ(served.target, "/a/../b//%2F%20c/.?x=%2B&y");
  EXPECT_EQ(served.header("x-one"), "1");
  EXPECT_EQ(served.header("expect"), "");
  EXPECT_EQ(served.header("content-type"), "");
  EXPECT_EQ(served.body, request.body);
  EXPECT_TRUE(std::any_of(served.headers.begin(), served.headers.end(),
                          [](const auto& header) { return header.first == "x-empty"; }));
}

TEST(HttpClient, MethodsDoNotLeakIntoTheNextRequestOnTheSameHandle) {
  Reply reply;
  reply.body = "body";
  HttpServer server(always(reply));
  const auto client = open();
  for (const char* method : {"HEAD", "GET", "PUT", "GET", "DELETE", "HEAD", "PUT", "GET"}) {
    HttpRequest request = get(server.url());
    request.method = method;
    const auto response = client->send(request, {});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, std::string(method) == "HEAD" ? "" : "body") << method;
    EXPECT_EQ(server.requests().back().method, method);
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpClient, KeepsItsConnectionsWarm) {
  HttpServer server(always({}));
  const auto client = open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client->send(get(server.url()), {}));
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpClient, FeedsALargeBodyToASinkOnTheThreadOfTheCaller) {
  Reply reply;
  reply.body = pattern(5'000'000);
  HttpServer server(always(reply));
  const auto client = open();
  std::string received;
  const auto response =
      client->send(get(server.url()), wants_all,
                   [&, caller = std::this_thread::get_id()](std::span<const std::byte> piece) {
                     EXPECT_EQ(std::this_thread::get_id(), caller);
                     received.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                     return true;
                   },
                   {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(received, reply.body);
  EXPECT_EQ(client->bytes_received(), reply.body.size());
}

TEST(HttpClient, PausesForASinkThatIsSlowAndNeverCallsThatAStall) {
  Reply reply;
  reply.body = pattern(4'000'000);
  HttpServer server(always(reply));
  HttpOptions options;
  options.stall_timeout = std::chrono::milliseconds(500);
  const auto client = open(options);
  // The sink waits for others that stall, and so for longer than a server may.
  Reply late;
  late.is_silent = true;
  late.end = Reply::End::kStall;
  HttpServer silent(always(late));
  Collected collected;
  bool waited = false;
  const auto response = client->send(get(server.url()), wants_all,
                                     [&](std::span<const std::byte> piece) {
                                       if (!std::exchange(waited, true)) {
                                         for (int i = 0; i < 3; ++i)
                                           EXPECT_FALSE(client->send(get(silent.url()), {}));
                                       }
                                       return collected.sink()(piece);
                                     },
                                     {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(collected.bytes, reply.body);
}

TEST(HttpClient, ASinkThatWantsNoMoreCancelsTheTransfer) {
  Reply reply;
  reply.body = pattern(5'000'000);
  HttpServer server(always(reply));
  const auto client = open();
  const auto response = client->send(get(server.url()), wants_all,
                                     [](std::span<const std::byte>) { return false; }, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(client->send(get(server.url()), {}));
}

TEST(HttpClient, ASinkThatThrowsLosesNoSlot) {
  Reply reply;
  reply.body = "body";
  HttpServer server(always(reply));
  HttpOptions options;
  options.max_connections = 1;
  const auto client = open(options);
  const ByteSink throws = [](std::span<const std::byte>) -> bool { throw std::bad_alloc(); };
  EXPECT_THROW(static_cast<void>(client->send(get(server.url()), wants_all, throws, {})),
               std::bad_alloc);
  EXPECT_TRUE(client->send(get(server.url()), {}));
}

TEST(HttpClient, CollectsAnErrorPageRatherThanFeedIt) {
  Reply reply;
  reply.status = 403;
  reply.body = "<Error/>";
  HttpServer server(always(reply));
  const auto client = open();
  Collected collected;
  const auto response =
      client->send(get(server.url()), [](const HttpResponse& head) { return head.status < 300; },
                   collected.sink(), {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "<Error/>");
  EXPECT_EQ(collected.bytes, "");
}

TEST(HttpClient, RefusesToCollectABodyWithoutBound) {
  Reply reply;
  reply.body.resize(HttpClient::kBodyBytesMax + 1);
  HttpServer server(always(reply));
  const auto response = open()->send(get(server.url()), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kCorrupt);
}

TEST(HttpClient, AStopRequestEndsACallThatWaitsForAnAnswer) {
  Reply reply;
  reply.is_silent = true;
  reply.end = Reply::End::kStall;
  HttpServer server(always(reply));
  const auto client = open();
  std::optional<Result<HttpResponse>> response;
  std::jthread thread(
      [&](std::stop_token stop) { response = client->send(get(server.url()), stop); });
  server.wait_for_requests(1);
  thread.request_stop();
  thread.join();
  ASSERT_FALSE(*response);
  EXPECT_EQ(response->error().code, ErrorCode::kCancelled);
}

TEST(HttpClient, CallsBeyondMaxConnectionsWaitAndCanBeStopped) {
  Reply reply;
  reply.is_silent = true;
  reply.end = Reply::End::kStall;
  HttpServer server(always(reply));
  HttpOptions options;
  options.max_connections = 1;
  const auto client = open(options);
  std::jthread first(
      [&](std::stop_token stop) { EXPECT_FALSE(client->send(get(server.url()), stop)); });
  server.wait_for_requests(1);
  HttpRequest waiting = get(server.url());
  waiting.timeout = std::chrono::milliseconds(50);
  const auto timed_out = client->send(waiting, {});
  ASSERT_FALSE(timed_out);
  EXPECT_EQ(timed_out.error().code, ErrorCode::kTimeout);
  std::jthread second(
      [&](std::stop_token stop) { EXPECT_FALSE(client->send(get(server.url()), stop)); });
  second.request_stop();
  second.join();
  EXPECT_EQ(server.requests().size(), 1U);
  first.request_stop();
}

TEST(HttpClient, ManyThreadsShareItsConnections) {
  Reply reply;
  reply.body = pattern(300'000);
  HttpServer server(always(reply));
  HttpOptions options;
  options.max_connections = 4;
  const auto client = open(options);
  {
    std::vector<std::jthread> threads;
    threads.reserve(16);
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 10; ++j) {
          Collected collected;
          EXPECT_TRUE(client->send(get(server.url()), wants_all, collected.sink(), {}));
          EXPECT_TRUE(collected.bytes == reply.body);
        }
      });
    }
  }
  EXPECT_EQ(client->requests(), 160U);
  EXPECT_LE(server.connections(), 4U);
}

// What arrives before a connection breaks, and the code of the error.
struct Broken {
  std::string bytes;
  Error error;
};

Broken broken(const Reply& reply) {
  HttpServer server(always(reply));
  const auto client = open(reply.end == Reply::End::kStall ? short_stall() : HttpOptions{});
  Collected collected;
  const auto response = client->send(get(server.url()), wants_all, collected.sink(), {});
  EXPECT_FALSE(response);
  const Error error = response ? Error{} : response.error();
  EXPECT_NE(error.message.find("127.0.0.1:" + std::to_string(server.port())), std::string::npos)
      << error.message;
  return {collected.bytes, error};
}

TEST(HttpClient, ABodyShorterThanPromisedIsUnavailableAfterTheBytesThatCame) {
  Reply reply;
  reply.body = pattern(500'000);
  reply.body_bytes_sent = 400'000;
  reply.end = Reply::End::kClose;
  const Broken result = broken(reply);
  EXPECT_EQ(result.error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(result.bytes, reply.body.substr(0, 400'000));
}

TEST(HttpClient, AResetInTheMiddleOfABodyIsUnavailable) {
  Reply reply;
  reply.body = pattern(500'000);
  reply.body_bytes_sent = 400'000;
  reply.end = Reply::End::kReset;
  const Broken result = broken(reply);
  EXPECT_EQ(result.error.code, ErrorCode::kUnavailable);
  EXPECT_TRUE(reply.body.starts_with(result.bytes));
}

TEST(HttpClient, AStallInTheMiddleOfABodyIsATimeout) {
  Reply reply;
  reply.body = pattern(500'000);
  reply.body_bytes_sent = 400'000;
  reply.end = Reply::End::kStall;
  const Broken result = broken(reply);
  EXPECT_EQ(result.error.code, ErrorCode::kTimeout);
  EXPECT_EQ(result.bytes, reply.body.substr(0, 400'000));
}

TEST(HttpClient, AServerThatAcceptsAndNeverAnswersIsATimeout) {
  Reply reply;
  reply.is_silent = true;
  reply.end = Reply::End::kStall;
  const Broken result = broken(reply);
  EXPECT_EQ(result.error.code, ErrorCode::kTimeout);
  EXPECT_NE(result.error.message.find("has not answered for 0.15 s; is the endpoint right"),
            std::string::npos)
      << result.error.message;
}

TEST(HttpClient, GoesPastProxiesWhereARequestSaysSo) {
  HttpServer proxy(always({}));
  HttpServer server(always({}));
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  const auto client = open();
  HttpRequest request = get(server.url() + "/key");
  request.past_proxies = true;
  EXPECT_TRUE(client->send(request, {}));
  EXPECT_TRUE(proxy.requests().empty());
  ASSERT_EQ(server.requests().size(), 1U);
  // On the same handle the next one goes by the proxy again.
  EXPECT_TRUE(client->send(get("http://no-such-host.invalid/key"), {}));
  EXPECT_EQ(proxy.requests().size(), 1U);
  ::unsetenv("http_proxy");
}

TEST(HttpClient, AServerThatHangsUpWithoutAWordIsUnavailable) {
  Reply reply;
  reply.is_silent = true;
  reply.end = Reply::End::kReset;
  EXPECT_EQ(broken(reply).error.code, ErrorCode::kUnavailable);
}

TEST(HttpClient, WhatComesAfterThePromisedLengthIsNotData) {
  Reply reply;
  reply.body = "0123456789";
  reply.content_length = 4;
  HttpServer server(always(reply));
  const auto client = open();
  const auto first = client->send(get(server.url()), {});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->body, "0123");
  // When the surplus comes late it meets the next request, and breaks it: an error, not data.
  for (int i = 0; i < 5; ++i) {
    const auto next = client->send(get(server.url()), {});
    EXPECT_EQ(next ? next->body : "0123", "0123");
  }
}

TEST(HttpClient, ATimeoutOfARequestBoundsAllOfItAndSaysWhatItWaitedFor) {
  Reply reply;
  reply.is_silent = true;
  reply.end = Reply::End::kStall;
  HttpServer server(always(reply));
  HttpRequest request = get(server.url());
  request.timeout = std::chrono::milliseconds(50);
  const auto response = open()->send(request, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
  // What it waited for, whichever limit it was that ended it.
  EXPECT_NE(response.error().message.find("took the request and has not answered for"),
            std::string::npos)
      << response.error().message;
}

TEST(HttpClient, BytesReceivedLengthenTheTimeoutOfARequest) {
  Reply reply;
  reply.body = std::string(100'000, 'x');
  reply.body_bytes_sent = 50'000;
  reply.end = Reply::End::kStall;
  HttpServer server(always(reply));
  HttpRequest request = get(server.url());
  request.timeout = std::chrono::milliseconds(50);
  request.bytes_per_second_min = 100'000;  // so these bytes earn half a second
  const auto response = open()->send(request, {});
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("did not finish within 0.55 s"), std::string::npos)
      << response.error().message;
}

TEST(HttpClient, NamesHostAndPortThatRefuse) {
  std::string url;
  {
    HttpServer gone(always({}));
    url = gone.url();
  }
  const auto response = open()->send(get(url + "/key"), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(response.error().message,
            "cannot connect to " + url.substr(7) +
                ": Connection refused; is the endpoint right, and does its server run?");
}

TEST(HttpClient, NamesAHostThatDoesNotResolve) {
  const auto response = open()->send(get("http://no-such-host.invalid/key"), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(response.error().message.find("cannot resolve the name of no-such-host.invalid:80"),
            std::string::npos)
      << response.error().message;
}

TEST(HttpClient, SaysSoWhenAnHttpsUrlMeetsAPortOfPlainHttp) {
  HttpServer server(always({}));
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  const auto response = open()->send(get("https://" + host), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(response.error().message.starts_with(host + " does not speak TLS"))
      << response.error().message;
}

TEST(HttpClient, SaysSoWhenAnHttpUrlMeetsAPortOfTls) {
  HttpServer server(always({}), TestTls{});
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  const auto response = open()->send(get("http://" + host), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(response.error().message,
            host + " hung up without an answer; if it speaks TLS, the endpoint is https://");
}

TEST(HttpClient, DoesNotTrustASelfSignedCertificateAndNamesTheOptionThatWould) {
  HttpServer server(always({}), TestTls{});
  const auto response = open()->send(get(server.url()), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(response.error().message.find("not trusted"), std::string::npos)
      << response.error().message;
  EXPECT_NE(response.error().message.find("remote.ca_bundle"), std::string::npos);
  EXPECT_TRUE(server.requests().empty());
}

TEST(HttpClient, TrustsTheAuthorityOfItsCaBundleButNotForAnotherName) {
  const TestTls tls;
  const TemporaryDirectory directory;
  HttpOptions options;
  options.ca_bundle = directory.write("ca.pem", tls.certificate.certificate);
  HttpServer server(always({}), tls);
  const auto client = open(options);
  EXPECT_TRUE(client->send(get(server.url()), {}));
  // curl takes all names below localhost for this machine.
  const std::string host = "other.localhost:" + std::to_string(server.port());
  const auto other = client->send(get("https://" + host), {});
  ASSERT_FALSE(other);
  const std::string& message = other.error().message;
  EXPECT_TRUE(message.starts_with("the certificate of " + host + " is for another name: "))
      << message;
  EXPECT_NE(message.find("; the endpoint has to be a name"), std::string::npos) << message;
  EXPECT_EQ(message.find("remote.ca_bundle"), std::string::npos) << message;
}

TEST(HttpClient, ACaBundleOfOthersIsNamedWhenItDoesNotTrust) {
  const TemporaryDirectory directory;
  HttpOptions options;
  options.ca_bundle = directory.write("ca.pem", TestCertificate().certificate);
  HttpServer server(always({}), TestTls{});
  const auto response = open(options)->send(get(server.url()), {});
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("is not trusted"), std::string::npos)
      << response.error().message;
  EXPECT_NE(response.error().message.find("; remote.ca_bundle has to hold the authority"),
            std::string::npos)
      << response.error().message;
}

TEST(HttpClient, FilesWithoutACertificateAreNamedByTheirOptions) {
  const TestTls tls;
  const TemporaryDirectory directory;
  const std::string junk = directory.write("junk.pem", "junk");
  HttpServer server(always({}), tls);
  HttpOptions options;
  options.ca_bundle = junk;
  const auto no_bundle = open(options)->send(get(server.url()), {});
  ASSERT_FALSE(no_bundle);
  EXPECT_TRUE(no_bundle.error().message.starts_with("remote.ca_bundle: no certificate in '" + junk))
      << no_bundle.error().message;
  EXPECT_TRUE(no_bundle.error().message.ends_with("; it has to be a PEM file"));

  options.ca_bundle = directory.write("ca.pem", tls.certificate.certificate);
  const std::string other_key = directory.write("key.pem", TestCertificate().key);
  for (const auto& certificate : {junk, options.ca_bundle}) {
    options.client_certificate = certificate;
    options.client_key = other_key;
    const auto response = open(options)->send(get(server.url()), {});
    ASSERT_FALSE(response);
    EXPECT_TRUE(response.error().message.starts_with(
        "remote.client_certificate or remote.client_key cannot be used for 127.0.0.1:"))
        << response.error().message;
    EXPECT_TRUE(
        response.error().message.ends_with("; both are PEM files, and the key is the "
                                           "certificate's own"))
        << response.error().message;
  }
}

TEST(HttpClient, ShowsItsClientCertificate) {
  const TestTls tls{{}, true};
  const TemporaryDirectory directory;
  HttpOptions options;
  options.ca_bundle = directory.write("ca.pem", tls.certificate.certificate);
  HttpServer server(always({}), tls);
  EXPECT_FALSE(open(options)->send(get(server.url()), {}));
  options.client_certificate = options.ca_bundle;
  options.client_key = directory.write("key.pem", tls.certificate.key);
  EXPECT_TRUE(open(options)->send(get(server.url()), {}));
}

TEST(HttpClient, RefusesFilesItCannotRead) {
  HttpOptions options;
  options.ca_bundle = "/no/such/bundle.pem";
  const auto client = HttpClient::open(options);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(client.error().message,
            "remote.ca_bundle: cannot read '/no/such/bundle.pem': No such file or directory");
}

}  // namespace
}  // namespace augurfs
