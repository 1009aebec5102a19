// What a person is told when a bucket cannot be reached, and why: one line each.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "fs/expect_refused.h"
#include "support/http_server.h"
#include "support/mount.h"

namespace augurfs {
namespace {

constexpr const char* kSecret = "a-secret-nobody-may-see";

class UnreachableMount : public testing::Test {
 protected:
  UnreachableMount() {
    drive_.environment()["AWS_ACCESS_KEY_ID"] = "test-access";
    drive_.environment()["AWS_SECRET_ACCESS_KEY"] = kSecret;
    drive_.environment()["AWS_EC2_METADATA_DISABLED"] = "true";
  }

  void expect(const std::string& endpoint, std::vector<std::string> words,
              const std::vector<std::string>& more_arguments = {}) {
    std::vector<std::string> arguments{"--set", "remote.endpoint=" + endpoint};
    arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
    const ProgramResult result = drive_.mount_url("s3://some-bucket/prefix", arguments);
    words.emplace_back("some-bucket");
    expect_refused(drive_, result, words);
    EXPECT_EQ(result.errors.find(kSecret), std::string::npos);
    EXPECT_EQ(drive_.log().find(kSecret), std::string::npos);
  }

  // A server that answers everything with one error of S3.
  static HttpServer::Handler answers(
      int status, const std::string& code,
      const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    Reply reply;
    reply.status = status;
    reply.headers = headers;
    reply.body = "<Error><Code>" + code + "</Code><Message>told by the server</Message></Error>";
    return [reply](const ServedRequest&) { return reply; };
  }

  static std::string host_of(const HttpServer& server) {
    return "127.0.0.1:" + std::to_string(server.port());
  }

  TestMount drive_;
};

TEST_F(UnreachableMount, ABucketThatIsNotThere) {
  const HttpServer server(answers(404, "NoSuchBucket"));
  expect(server.url(), {"s3://some-bucket: the bucket does not exist", "HTTP 404 NoSuchBucket",
                        "check its name, and remote.endpoint"});
}

TEST_F(UnreachableMount, ABucketThatDeniesAccess) {
  const HttpServer server(answers(403, "AccessDenied"));
  expect(server.url(), {"s3://some-bucket: access denied", "HTTP 403 AccessDenied",
                        "credentials from environment", "need s3:ListBucket and s3:GetObject"});
}

TEST_F(UnreachableMount, ABucketThatIsNotPublic) {
  const HttpServer server(answers(403, "AccessDenied"));
  expect(server.url(), {"s3://some-bucket: access denied", "anonymous", "leave out"},
         {"--set", "remote.anonymous=true"});
}

TEST_F(UnreachableMount, AWrongSecret) {
  const HttpServer server(answers(403, "SignatureDoesNotMatch"));
  expect(server.url(),
         {"s3://some-bucket: the secret key does not fit the access key", "SignatureDoesNotMatch",
          "credentials from environment", "correct it where it came from"});
}

TEST_F(UnreachableMount, AnAccessKeyThatIsUnknown) {
  const HttpServer server(answers(403, "InvalidAccessKeyId"));
  expect(server.url(), {"s3://some-bucket: the access key is unknown",
                        "credentials from environment", "remote.endpoint"});
}

TEST_F(UnreachableMount, CredentialsThatHaveExpired) {
  const HttpServer server(answers(400, "ExpiredToken"));
  expect(server.url(), {"s3://some-bucket: the credentials have expired",
                        "credentials from environment", "get new ones"});
}

TEST_F(UnreachableMount, AClockThatIsWrong) {
  const HttpServer server(
      answers(403, "RequestTimeTooSkewed", {{"Date", "Wed, 21 Oct 2015 07:28:00 GMT"}}));
  expect(server.url(), {"s3://some-bucket: the clocks differ too much: this machine's says 20",
                        "the server's 2015-10-21 07:28:00 UTC", "RequestTimeTooSkewed",
                        "set the one that is wrong"});
}

TEST_F(UnreachableMount, ARegionThatTheServerNamesInVain) {
  const HttpServer server(answers(403, "AccessDenied", {{"x-amz-bucket-region", "eu-west-2"}}));
  expect(server.url(), {"s3://some-bucket: access denied", "403"},
         {"--set", "remote.region=eu-west-1"});
}

TEST_F(UnreachableMount, AServerThatErrs) {
  const HttpServer server(answers(503, "SlowDown"));
  expect(server.url(), {"s3://some-bucket: the server is overloaded or failing",
                        "HTTP 503 SlowDown", "gave up after 2 attempts"});
}

TEST_F(UnreachableMount, NoCredentialsNamesEachSourceThatWasTried) {
  const HttpServer server(answers(403, "AccessDenied"));
  drive_.environment().erase("AWS_ACCESS_KEY_ID");
  drive_.environment().erase("AWS_SECRET_ACCESS_KEY");
  expect(server.url(), {"no credentials", "environment: AWS_ACCESS_KEY_ID is not set",
                        "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set", "profile: neither ",
                        "container: neither ", "EC2 instance: AWS_EC2_METADATA_DISABLED is set",
                        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "remote.anonymous"});
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(UnreachableMount, OnlyOneOfTheTwoKeys) {
  const HttpServer server(answers(403, "AccessDenied"));
  drive_.environment().erase("AWS_SECRET_ACCESS_KEY");
  expect(server.url(), {"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set", "set both"});
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(UnreachableMount, AProfileThatIsMissing) {
  const HttpServer server(answers(403, "AccessDenied"));
  expect(server.url(), {"has a profile 'wrok'", "name another one in remote.profile"},
         {"--set", "remote.profile=wrok"});
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(UnreachableMount, ACredentialProcessThatFails) {
  const HttpServer server(answers(403, "AccessDenied"));
  const TemporaryDirectory directory;
  drive_.environment()["AWS_CONFIG_FILE"] = directory.write(
      "config", "[profile p]\ncredential_process = sh -c 'echo no luck >&2; exit 3'\n");
  expect(server.url(), {"no credentials", "credential_process of profile 'p'", "no luck"},
         {"--set", "remote.profile=p"});
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(UnreachableMount, AnEndpointThatRefuses) {
  std::string gone;
  {
    const HttpServer server(answers(200, ""));
    gone = server.url();
  }
  expect(gone, {"cannot connect to " + gone.substr(gone.rfind('/') + 1), "Connection refused",
                "is the endpoint right", "does its server run"});
}

TEST_F(UnreachableMount, ANameThatDoesNotResolve) {
  expect("http://no-such-host.invalid",
         {"cannot resolve the name of no-such-host.invalid:80", "is it right", "network"});
}

TEST_F(UnreachableMount, AServerThatAcceptsAndNeverAnswers) {
  const HttpServer server([](const ServedRequest&) {
    Reply reply;
    reply.is_silent = true;
    reply.end = Reply::End::kStall;
    return reply;
  });
  expect(server.url(),
         {host_of(server) + " took the request and has not answered for 0.2 s",
          "is the endpoint right", "gave up after 2 attempts"},
         {"--set", "remote.stall_timeout=200 ms"});
}

TEST_F(UnreachableMount, ASelfSignedCertificate) {
  const HttpServer server(answers(200, ""), TestTls{});
  expect(server.url(), {"the certificate of " + host_of(server) + " is not trusted", "self",
                        "name that in remote.ca_bundle"});
}

TEST_F(UnreachableMount, ACaBundleThatIsNone) {
  const HttpServer server(answers(200, ""), TestTls{});
  const TemporaryDirectory directory;
  const std::string junk = directory.write("junk.pem", "junk");
  expect(server.url(), {"remote.ca_bundle: no certificate in '" + junk, "has to be a PEM file"},
         {"--set", "remote.ca_bundle=" + junk});
}

TEST_F(UnreachableMount, ACertificateForAnotherName) {
  const TestTls tls;
  const HttpServer server(answers(200, ""), tls);
  const TemporaryDirectory directory;
  const std::string other = "other.localhost:" + std::to_string(server.port());
  expect("https://" + other,
         {"the certificate of " + other + " is for another name",
          "the endpoint has to be a name that it is for"},
         {"--set",
          "remote.ca_bundle=" + directory.write("ca.pem", tls.certificate.certificate).string()});
}

TEST_F(UnreachableMount, APortThatSpeaksPlainHttp) {
  const HttpServer server(answers(200, ""));
  expect("https://" + host_of(server), {host_of(server) + " does not speak TLS",
                                        "is the endpoint http:// rather than https://?"});
}

TEST_F(UnreachableMount, APortThatSpeaksTls) {
  const HttpServer server(answers(200, ""), TestTls{});
  expect("http://" + host_of(server), {host_of(server), "https://"});
}

TEST_F(UnreachableMount, WhatAnswersIsNoS3) {
  Reply page;
  page.body = "<html>hello</html>";
  const HttpServer server([page](const ServedRequest&) { return page; });
  expect(server.url(),
         {"s3://some-bucket", "not the listing of an S3 server", "check remote.endpoint"});
}

TEST_F(UnreachableMount, WhatAnswersIsNoS3AndHasNoSuchPage) {
  Reply page;
  page.status = 404;
  page.body = "<html>no such page</html>";
  const HttpServer server([page](const ServedRequest&) { return page; });
  expect(server.url(), {"s3://some-bucket: what answers does not look like S3: HTTP 404",
                        "check remote.endpoint"});
}

}  // namespace
}  // namespace augurfs
