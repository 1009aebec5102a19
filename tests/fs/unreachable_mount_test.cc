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
  static HttpServer::Handler answers(int status, const std::string& code) {
    Reply reply;
    reply.status = status;
    reply.body = "<Error><Code>" + code + "</Code><Message>told by the server</Message></Error>";
    return [reply](const ServedRequest&) { return reply; };
  }

  TestMount drive_;
};

TEST_F(UnreachableMount, ABucketThatIsNotThere) {
  const HttpServer server(answers(404, "NoSuchBucket"));
  expect(server.url(), {"NoSuchBucket", "404"});
}

TEST_F(UnreachableMount, ABucketThatDeniesAccess) {
  const HttpServer server(answers(403, "AccessDenied"));
  expect(server.url(), {"AccessDenied", "403"});
}

TEST_F(UnreachableMount, AWrongSecret) {
  const HttpServer server(answers(403, "SignatureDoesNotMatch"));
  expect(server.url(), {"SignatureDoesNotMatch"});
}

TEST_F(UnreachableMount, AClockThatIsWrong) {
  const HttpServer server(answers(403, "RequestTimeTooSkewed"));
  expect(server.url(), {"RequestTimeTooSkewed"});
}

TEST_F(UnreachableMount, AServerThatErrs) {
  const HttpServer server(answers(503, "SlowDown"));
  expect(server.url(), {"SlowDown", "attempts"});
}

TEST_F(UnreachableMount, NoCredentialsNamesEachSourceThatWasTried) {
  const HttpServer server(answers(403, "AccessDenied"));
  drive_.environment().erase("AWS_ACCESS_KEY_ID");
  drive_.environment().erase("AWS_SECRET_ACCESS_KEY");
  expect(server.url(),
         {"no credentials", "AWS_ACCESS_KEY_ID", "web identity", "profile", "container", "EC2"});
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(UnreachableMount, AnEndpointThatRefuses) {
  std::string gone;
  {
    const HttpServer server(answers(200, ""));
    gone = server.url();
  }
  expect(gone, {gone.substr(gone.rfind(':')), "refused"});
}

TEST_F(UnreachableMount, ANameThatDoesNotResolve) {
  expect("http://no-such-host.invalid", {"no-such-host.invalid", "resolve"});
}

TEST_F(UnreachableMount, AServerThatAcceptsAndNeverAnswers) {
  const HttpServer server([](const ServedRequest&) {
    Reply reply;
    reply.is_silent = true;
    reply.end = Reply::End::kStall;
    return reply;
  });
  expect(server.url(), {"127.0.0.1"}, {"--set", "remote.stall_timeout=200 ms"});
}

TEST_F(UnreachableMount, ASelfSignedCertificate) {
  const HttpServer server(answers(200, ""), TestTls{});
  expect(server.url(), {"not trusted", "remote.ca_bundle"});
}

TEST_F(UnreachableMount, APortThatSpeaksPlainHttp) {
  const HttpServer server(answers(200, ""));
  expect("https://127.0.0.1:" + std::to_string(server.port()), {"127.0.0.1", "http://"});
}

}  // namespace
}  // namespace augurfs
