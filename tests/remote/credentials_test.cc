#include "remote/credentials.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <latch>
#include <thread>

#include "remote/credential_sources.h"
#include "remote/guarded.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// A server on loopback; routes are added before start().
class LocalServer {
 public:
  LocalServer() = default;
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;
  ~LocalServer() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  httplib::Server& routes() { return server_; }
  std::string start() {
    server_.set_keep_alive_max_count(1);  // stop() would wait for idle connections
    const int port = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    return "http://127.0.0.1:" + std::to_string(port);
  }

 private:
  httplib::Server server_;
  std::thread thread_;
};

class CredentialChainTest : public testing::Test {
 protected:
  CredentialChainTest() {
    auto client = HttpClient::open({});
    EXPECT_TRUE(client);
    http_ = std::move(*client);
    environment_["HOME"] = home_.path().string();
    environment_["AWS_EC2_METADATA_DISABLED"] = "TRUE";  // nothing here asks a real one
  }

  CredentialOptions options() {
    CredentialOptions options;
    options.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      if (found == environment_.end()) return std::nullopt;
      return found->second;
    };
    options.now = clock_.function();
    return options;
  }

  Credentials get(CredentialChain& chain) {
    const auto result = chain.get({});
    if (result && *result) return **result;
    ADD_FAILURE() << (result ? "anonymous" : result.error().message);
    return {};
  }
  Credentials get() {
    CredentialChain chain(options(), *http_);
    return get(chain);
  }
  Error refusal() {
    CredentialChain chain(options(), *http_);
    const auto result = chain.get({});
    if (!result) return result.error();
    ADD_FAILURE() << "has credentials from " << chain.source();
    return {};
  }

  // As the services write it, `after` from now on.
  std::string date(std::chrono::system_clock::duration after) const {
    const std::time_t time = std::chrono::system_clock::to_time_t(clock_.now() + after);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
  }
  std::string json(const std::string& key, const std::string& token_field,
                   std::chrono::system_clock::duration valid) const {
    return R"({"Version": 1, "Code": "Success", "AccessKeyId": ")" + key +
           R"(", "SecretAccessKey": "secret", ")" + token_field + R"(": "token", "Expiration": ")" +
           date(valid) + "\"}";
  }
  std::string sts_xml(const std::string& action, const std::string& key) const {
    return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" +
           action + "Result><Credentials><AccessKeyId>" + key +
           "</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</"
           "SessionToken>"
           "<Expiration>" +
           date(hours{1}) + "</Expiration></Credentials></" + action + "Result></" + action +
           "Response>";
  }

  // A container's agent that counts and hands out keys "key1", "key2", ... valid for so long.
  void serve_container(LocalServer& server, std::chrono::system_clock::duration valid) {
    server.routes().Get("/credentials", [this, valid](const auto&, auto& response) {
      const int asked = ++asked_;
      if (fail_) {
        response.status = 500;
        return;
      }
      response.set_content(json("key" + std::to_string(asked), "Token", valid), "application/json");
    });
    environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.start() + "/credentials";
  }

  TemporaryDirectory home_;
  std::map<std::string, std::string> environment_;
  ManualWallClock clock_;
  std::atomic<int> asked_{0};
  std::atomic<bool> fail_{false};
  std::unique_ptr<HttpClient> http_;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(CredentialChainTest, AnonymousHasNone) {
  environment_["AWS_ACCESS_KEY_ID"] = "AKID";
  CredentialOptions anonymous = options();
  anonymous.anonymous = true;
  CredentialChain chain(anonymous, *http_);
  const auto result = chain.get({});
  ASSERT_TRUE(result);
  EXPECT_FALSE(*result);
  EXPECT_EQ(chain.source(), "anonymous");
}

TEST_F(CredentialChainTest, TheEnvironmentGoesFirst) {
  home_.write(".aws/credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
  environment_["AWS_ACCESS_KEY_ID"] = "AKID";
  environment_["AWS_SECRET_ACCESS_KEY"] = "secret";
  environment_["AWS_SESSION_TOKEN"] = "token";
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(chain.source(), "");
  const Credentials credentials = get(chain);
  EXPECT_EQ(credentials.access_key, "AKID");
  EXPECT_EQ(credentials.secret_key, "secret");
  EXPECT_EQ(credentials.session_token, "token");
  EXPECT_FALSE(credentials.expires);
  EXPECT_EQ(chain.source(), "environment");
}

TEST_F(CredentialChainTest, HalfAPairIsAnErrorNotASearchForOthers) {
  home_.write(".aws/credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
  environment_["AWS_ACCESS_KEY_ID"] = "AKID";
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_TRUE(contains(error.message, "only one is set; set both, or unset it")) << error.message;
}

TEST_F(CredentialChainTest, AConfiguredProfileGoesBeforeTheEnvironment) {
  home_.write(".aws/credentials", "[work]\naws_access_key_id=W\naws_secret_access_key=w\n");
  environment_["AWS_ACCESS_KEY_ID"] = "AKID";
  environment_["AWS_SECRET_ACCESS_KEY"] = "secret";
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/nonexistent";
  CredentialOptions work = options();
  work.profile = "work";
  CredentialChain chain(work, *http_);
  EXPECT_EQ(get(chain).access_key, "W");
  EXPECT_EQ(chain.source(), "profile 'work' in ~/.aws/credentials");
}

TEST_F(CredentialChainTest, TheEnvironmentMayNameTheProfile) {
  home_.write(".aws/config",
              "[profile work]\naws_access_key_id=W\naws_secret_access_key=w\nregion=eu-north-1\n");
  environment_["AWS_PROFILE"] = "work";
  EXPECT_EQ(get().access_key, "W");
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(chain.region(), "eu-north-1");
}

TEST_F(CredentialChainTest, AMissingProfileThatWasNamedEndsTheSearch) {
  LocalServer server;
  serve_container(server, hours{1});
  environment_["AWS_PROFILE"] = "wrok";
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_TRUE(contains(error.message,
                       "neither ~/.aws/credentials nor ~/.aws/config has a profile "
                       "'wrok'; correct it there, or name another one in AWS_PROFILE"))
      << error.message;
  EXPECT_EQ(asked_, 0);
  CredentialOptions configured = options();
  configured.profile = "wrok";
  CredentialChain chain(configured, *http_);
  const auto refused = chain.get({});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(contains(refused.error().message, "or name another one in remote.profile"))
      << refused.error().message;
}

TEST_F(CredentialChainTest, TheRegionComesFromTheEnvironmentThenTheProfile) {
  home_.write(".aws/config", "[default]\nregion = from-file\n");
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(chain.region(), "from-file");
  environment_["AWS_DEFAULT_REGION"] = "from-default";
  EXPECT_EQ(chain.region(), "from-default");
  environment_["AWS_REGION"] = "from-region";
  EXPECT_EQ(chain.region(), "from-region");
}

TEST_F(CredentialChainTest, WithoutAnyTheErrorNamesEachSourceAndWhatItSaid) {
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  for (const auto* part :
       {"environment: AWS_ACCESS_KEY_ID is not set", "web identity: AWS_WEB_IDENTITY_TOKEN_FILE",
        "profile: neither ~/.aws/credentials nor ~/.aws/config has a profile 'default'",
        "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "EC2 instance: AWS_EC2_METADATA_DISABLED is set"}) {
    EXPECT_TRUE(contains(error.message, part)) << part << " in: " << error.message;
  }
}

TEST_F(CredentialChainTest, AnErrorTellsWhatTheSourcesBeforeItSaid) {
  home_.write(".aws/credentials", "[default]\nbroken\n");
  const Error error = refusal();
  EXPECT_TRUE(contains(error.message, "environment: AWS_ACCESS_KEY_ID")) << error.message;
  EXPECT_TRUE(contains(error.message, "profile: ~/.aws/credentials line 2")) << error.message;
}

TEST_F(CredentialChainTest, KeysWithBlanksAreRefusedAndNotRepeated) {
  environment_["AWS_ACCESS_KEY_ID"] = "AKID";
  for (const auto* secret : {"verysecret\n", "very secret", "verysecret\r",
                             "verys\xc3\xa9"
                             "cret"}) {
    environment_["AWS_SECRET_ACCESS_KEY"] = secret;
    const Error error = refusal();
    EXPECT_TRUE(contains(error.message, "blank")) << error.message;
    EXPECT_FALSE(contains(error.message, "very")) << error.message;
  }
}

TEST_F(CredentialChainTest, ACredentialProcessHandsThemOut) {
  home_.write("out.json", json("PROC", "SessionToken", hours{1}));
  home_.write(".aws/config", "[default]\ncredential_process = cat '" +
                                 (home_.path() / "out.json").string() + "'\n");
  CredentialChain chain(options(), *http_);
  const Credentials credentials = get(chain);
  EXPECT_EQ(credentials.access_key, "PROC");
  EXPECT_EQ(credentials.session_token, "token");
  EXPECT_EQ(credentials.expires, clock_.now() + hours{1});
  EXPECT_EQ(chain.source(), "credential_process of profile 'default' in ~/.aws/config");
}

TEST_F(CredentialChainTest, ACredentialProcessThatFailsSaysWhyAndNothingSecret) {
  const std::pair<const char*, const char*> cases[] = {
      {"echo verysecret; echo 'please log in' >&2; exit 1", "exited with 1: please log in"},
      {"echo verysecret", "\"Version\": 1"},
      {R"(echo '{"Version": 2, "AccessKeyId": "verysecret"}')", "\"Version\": 1"},
      {R"(echo '{"Version": 1, "AccessKeyId": "verysecret"}')", "lacks"},
      {R"(echo '{"Version": 1, "AccessKeyId": 7, "SecretAccessKey": "verysecret"}')", "lacks"},
      {R"(echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"verysecret","Expiration":"x"}')",
       "no date"},
      {R"(echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"verysecret",)"
       R"("Expiration":"2001-02-03T04:05:06Z"}')",
       "expired at 2001-02-03"},
  };
  for (const auto& [command, expected] : cases) {
    home_.write(".aws/config", std::string("[default]\ncredential_process = ") + command + "\n");
    const Error error = refusal();
    EXPECT_EQ(error.code, ErrorCode::kDenied);
    EXPECT_TRUE(contains(error.message, expected)) << error.message;
    EXPECT_FALSE(contains(error.message, "verysecret")) << error.message;
  }
}

TEST_F(CredentialChainTest, AnSsoProfileSaysHowToUseIt) {
  home_.write(".aws/config", "[default]\nsso_session = corp\n");
  EXPECT_TRUE(contains(refusal().message, "export-credentials"));
}

TEST_F(CredentialChainTest, AWebIdentityIsExchangedForCredentials) {
  LocalServer server;
  Guarded<httplib::Params> asked;
  server.routes().Post("/", [&](const httplib::Request& request, httplib::Response& response) {
    *asked.lock() = request.params;
    response.set_content(sts_xml("AssumeRoleWithWebIdentity", "WEB"), "text/xml");
  });
  environment_["AWS_ENDPOINT_URL_STS"] = server.start() + "/";
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = home_.write("token", "a+b/c=\n").string();
  environment_["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/reader";
  CredentialChain chain(options(), *http_);
  const Credentials credentials = get(chain);
  EXPECT_EQ(credentials.access_key, "WEB");
  EXPECT_EQ(credentials.session_token, "token");
  EXPECT_EQ(credentials.expires, clock_.now() + hours{1});
  auto params = asked.lock();
  EXPECT_EQ(params->find("Action")->second, "AssumeRoleWithWebIdentity");
  EXPECT_EQ(params->find("Version")->second, "2011-06-15");
  EXPECT_EQ(params->find("WebIdentityToken")->second, "a+b/c=");
  EXPECT_EQ(params->find("RoleArn")->second, "arn:aws:iam::123456789012:role/reader");
  EXPECT_EQ(params->find("RoleSessionName")->second, "augurfs");
}

TEST_F(CredentialChainTest, ARefusedWebIdentitySaysWhatTheServiceSaid) {
  LocalServer server;
  std::atomic<int> status{400};
  server.routes().Post("/", [&](const auto&, auto& response) {
    response.status = status;
    response.set_content(
        "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException</Code>"
        "<Message>Token is expired</Message></Error></ErrorResponse>",
        "text/xml");
  });
  environment_["AWS_ENDPOINT_URL_STS"] = server.start();
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = home_.write("token", "verysecret").string();
  EXPECT_TRUE(contains(refusal().message, "AWS_ROLE_ARN is not"));
  environment_["AWS_ROLE_ARN"] = "arn";
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_TRUE(contains(error.message, "HTTP 400 ExpiredTokenException: Token is expired"));
  EXPECT_FALSE(contains(error.message, "verysecret"));
  status = 503;
  EXPECT_EQ(refusal().code, ErrorCode::kUnavailable);
  status = 200;  // but no credentials in it
  EXPECT_TRUE(contains(refusal().message, "no credentials"));
  home_.write("token", " \n");
  EXPECT_TRUE(contains(refusal().message, "is empty"));
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/nonexistent/token";
  EXPECT_TRUE(contains(refusal().message, "no token file"));
}

TEST_F(CredentialChainTest, ARoleIsAssumedWithTheKeysOfItsSourceProfile) {
  LocalServer server;
  Guarded<httplib::Request> asked;
  server.routes().Post("/", [&](const httplib::Request& request, httplib::Response& response) {
    *asked.lock() = request;
    response.set_content(sts_xml("AssumeRole", "ROLE"), "text/xml");
  });
  environment_["AWS_ENDPOINT_URL_STS"] = server.start();
  home_.write(".aws/credentials", "[base]\naws_access_key_id=BASE\naws_secret_access_key=b\n");
  home_.write(".aws/config",
              "[profile role]\nrole_arn=arn:x\nsource_profile=base\nexternal_id=e&x\n"
              "duration_seconds=900\nregion=eu-west-3\n");
  environment_["AWS_PROFILE"] = "role";
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(get(chain).access_key, "ROLE");
  EXPECT_EQ(chain.source(), "role of profile 'role' in ~/.aws/config");
  auto request = asked.lock();
  EXPECT_EQ(request->get_param_value("Action"), "AssumeRole");
  EXPECT_EQ(request->get_param_value("ExternalId"), "e&x");
  EXPECT_EQ(request->get_param_value("DurationSeconds"), "900");
  const std::string authorization = request->get_header_value("authorization");
  EXPECT_TRUE(contains(authorization, "Credential=BASE/")) << authorization;
  EXPECT_TRUE(contains(authorization, "/eu-west-3/sts/aws4_request")) << authorization;
}

TEST_F(CredentialChainTest, RolesThatCannotBeAssumedSayWhy) {
  environment_["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1";  // would be refused
  const std::pair<const char*, const char*> cases[] = {
      {"role_arn=r\n", "it needs source_profile"},
      {"role_arn=r\nsource_profile=missing\n", "has a profile 'missing'"},
      {"role_arn=r\nsource_profile=other\n[profile other]\nrole_arn=o\nsource_profile=default\n",
       "circle"},
      {"role_arn=r\nsource_profile=default\n", "has no credentials"},
      {"role_arn=r\nsource_profile=default\nmfa_serial=m\n", "mfa_serial"},
      {"role_arn=r\ncredential_source=Environment\n", "AWS_ACCESS_KEY_ID is not set"},
      {"role_arn=r\nweb_identity_token_file=/nonexistent\n", "no token file"},
  };
  for (const auto& [text, expected] : cases) {
    home_.write(".aws/config", std::string("[default]\n") + text);
    const Error error = refusal();
    EXPECT_EQ(error.code, ErrorCode::kDenied);
    EXPECT_TRUE(contains(error.message, expected)) << error.message;
  }
}

TEST_F(CredentialChainTest, AContainersAgentIsAskedWithItsToken) {
  LocalServer server;
  Guarded<std::string> authorization;
  server.routes().Get("/credentials", [&](const auto& request, auto& response) {
    *authorization.lock() = request.get_header_value("authorization");
    response.set_content(json("ECS", "Token", hours{1}), "application/json");
  });
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.start() + "/credentials";
  EXPECT_EQ(get().access_key, "ECS");
  EXPECT_EQ(*authorization.lock(), "");
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "Basic abc";
  EXPECT_EQ(get().session_token, "token");
  EXPECT_EQ(*authorization.lock(), "Basic abc");
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = home_.write("t", "from file\n").string();
  get();
  EXPECT_EQ(*authorization.lock(), "from file");
  home_.write("t", "two\nlines");
  EXPECT_TRUE(contains(refusal().message, "more than one line"));
}

TEST_F(CredentialChainTest, AContainersUrlMustNotSendCredentialsInTheClear) {
  const auto url = [this](const std::string& full) {
    environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = full;
    const CredentialOptions given = options();
    return container_url({given, *http_});
  };
  for (const auto* good :
       {"https://example.com/x", "http://127.0.0.1:80/x", "http://localhost/x", "http://[::1]:1/x",
        "http://127.9.9.9", "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials"}) {
    const auto result = url(good);
    ASSERT_TRUE(result) << good;
    EXPECT_EQ(*result, good);
  }
  for (const auto* bad : {"http://example.com/x", "http://127.0.0.1.example.com/",
                          "http://127.0.0.1@example.com/", "http://localhost.example.com",
                          "http://10.0.0.1/", "ftp://127.0.0.1/", "http:///x", "http://[::2]/"}) {
    EXPECT_FALSE(url(bad)) << bad;
  }
  environment_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/id";
  EXPECT_EQ(*url("ignored"), "http://169.254.170.2/v2/credentials/id");
  environment_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "@example.com/";
  EXPECT_FALSE(url(""));
}

// An instance's metadata service; its token is "t0ken".
class CredentialChainInstanceTest : public CredentialChainTest {
 protected:
  static constexpr auto* kBase = "/latest/meta-data/iam/security-credentials/";

  CredentialChainInstanceTest() {
    environment_.erase("AWS_EC2_METADATA_DISABLED");
    server_.routes().Put("/latest/api/token", [this](const auto& request, auto& response) {
      response.status = token_status_;
      if (request.get_header_value("x-aws-ec2-metadata-token-ttl-seconds").empty()) {
        response.status = 400;
      }
      response.set_content("t0ken", "text/plain");
    });
    server_.routes().Get(kBase, [this](const auto& request, auto& response) {
      response.status = request.get_header_value("x-aws-ec2-metadata-token") == "t0ken"
                            ? role_status_.load()
                            : 401;
      response.set_content("my-role\n", "text/plain");
    });
    server_.routes().Get(std::string(kBase) + "my-role", [this](const auto&, auto& response) {
      response.status = credentials_status_;
      response.set_content(json("EC2", "Token", hours{6}), "application/json");
    });
    environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server_.start() + "/";
  }

  std::atomic<int> token_status_{200};
  std::atomic<int> role_status_{200};
  std::atomic<int> credentials_status_{200};
  LocalServer server_;
};

TEST_F(CredentialChainInstanceTest, AnInstancesRoleIsAskedForWithAToken) {
  CredentialChain chain(options(), *http_);
  const Credentials credentials = get(chain);
  EXPECT_EQ(credentials.access_key, "EC2");
  EXPECT_EQ(credentials.session_token, "token");
  EXPECT_EQ(credentials.expires, clock_.now() + hours{6});
  EXPECT_EQ(chain.source(), "the instance's role 'my-role'");
}

TEST_F(CredentialChainInstanceTest, NoProxyIsAskedForCredentialsOfThisMachine) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  EXPECT_EQ(get().access_key, "EC2");
  LocalServer agent;
  serve_container(agent, hours{1});
  EXPECT_EQ(get().access_key, "key1");
  ::unsetenv("http_proxy");
}

TEST_F(CredentialChainInstanceTest, AnInstanceWithoutARoleSaysSo) {
  role_status_ = 404;
  EXPECT_TRUE(contains(refusal().message, "EC2 instance: this instance has no role"));
  role_status_ = 500;
  EXPECT_TRUE(contains(refusal().message, "HTTP 500"));
  token_status_ = 403;
  EXPECT_TRUE(contains(refusal().message, "gave no token: HTTP 403"));
}

TEST_F(CredentialChainInstanceTest, ARoleWhoseCredentialsFailIsTroubleThatMayPass) {
  credentials_status_ = 500;
  EXPECT_EQ(refusal().code, ErrorCode::kUnavailable);
}

TEST_F(CredentialChainInstanceTest, WhereNobodyAnswersThereAreNone) {
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1";
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_TRUE(contains(error.message, "EC2 instance: ")) << error.message;
}

TEST_F(CredentialChainTest, CredentialsAreKeptWhileTheyAreGood) {
  LocalServer server;
  serve_container(server, hours{1});
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(get(chain).access_key, "key1");
  clock_.advance(minutes{54});
  EXPECT_EQ(get(chain).access_key, "key1");
  EXPECT_EQ(asked_, 1);
}

TEST_F(CredentialChainTest, NewOnesAreFetchedBeforeTheOldExpireAndNobodyWaits) {
  LocalServer server;
  std::latch released(1);
  std::atomic<int> asked{0};
  server.routes().Get("/credentials", [&](const auto&, auto& response) {
    if (++asked == 2) released.wait();
    response.set_content(json("key" + std::to_string(asked), "Token", hours{1}),
                         "application/json");
  });
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.start() + "/credentials";
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(get(chain).access_key, "key1");
  clock_.advance(minutes{56});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(chain).access_key, "key1");
  while (asked < 2) std::this_thread::yield();
  EXPECT_EQ(get(chain).access_key, "key1");
  released.count_down();
  while (get(chain).access_key != "key2") std::this_thread::yield();
  EXPECT_EQ(asked, 2);
}

TEST_F(CredentialChainTest, AFailedRefreshLeavesTheOldOnesUntilTheyExpire) {
  LocalServer server;
  serve_container(server, hours{1});
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(get(chain).access_key, "key1");
  fail_ = true;
  clock_.advance(minutes{56});
  EXPECT_EQ(get(chain).access_key, "key1");
  while (asked_ < 2) std::this_thread::yield();
  EXPECT_EQ(get(chain).access_key, "key1");
  clock_.advance(minutes{10});
  Result<std::optional<Credentials>> result = chain.get({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(contains(result.error().message, "HTTP 500")) << result.error().message;
  fail_ = false;
  clock_.advance(minutes{1});
  EXPECT_TRUE(contains(get(chain).access_key, "key"));
}

TEST_F(CredentialChainTest, TheSourceThatHadCredentialsIsKeptTo) {
  LocalServer server;
  serve_container(server, hours{1});
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(get(chain).access_key, "key1");
  environment_["AWS_ACCESS_KEY_ID"] = "AKID";
  environment_["AWS_SECRET_ACCESS_KEY"] = "secret";
  clock_.advance(hours{2});
  EXPECT_EQ(get(chain).access_key, "key2");
  chain.refresh();  // all sources are asked again
  EXPECT_EQ(get(chain).access_key, "AKID");
}

TEST_F(CredentialChainTest, RefreshReadsTheFilesAgain) {
  home_.write(".aws/credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=a\n");
  CredentialChain chain(options(), *http_);
  EXPECT_EQ(get(chain).access_key, "A");
  home_.write(".aws/credentials", "[default]\naws_access_key_id=B\naws_secret_access_key=b\n");
  EXPECT_EQ(get(chain).access_key, "A");
  chain.refresh();
  EXPECT_EQ(get(chain).access_key, "B");
}

TEST_F(CredentialChainTest, ARefusalStandsForAMomentAndThenIsAskedAgain) {
  LocalServer server;
  serve_container(server, hours{1});
  fail_ = true;
  CredentialChain chain(options(), *http_);
  EXPECT_FALSE(chain.get({}));
  EXPECT_FALSE(chain.get({}));
  EXPECT_EQ(asked_, 1);
  clock_.advance(seconds{6});
  EXPECT_FALSE(chain.get({}));
  EXPECT_EQ(asked_, 2);
  clock_.advance(-hours{1});  // a clock that was set back holds nobody up
  fail_ = false;
  EXPECT_EQ(get(chain).access_key, "key3");
}

TEST_F(CredentialChainTest, ManyAtOnceShareOneAnswer) {
  LocalServer server;
  serve_container(server, hours{1});
  CredentialChain chain(options(), *http_);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(get(chain).access_key, "key1"); });
  }
  threads.clear();
  EXPECT_EQ(asked_, 1);
}

TEST_F(CredentialChainTest, WhoWaitsBehindACancelledAskerAsksForItself) {
  LocalServer server;
  std::latch released(1);
  std::atomic<int> asked{0};
  server.routes().Get("/credentials", [&](const auto&, auto& response) {
    if (++asked == 1) released.wait();
    response.set_content(json("key", "Token", hours{1}), "application/json");
  });
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.start() + "/credentials";
  CredentialChain chain(options(), *http_);
  std::stop_source stop;
  std::jthread first([&] {
    const auto result = chain.get(stop.get_token());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  });
  while (asked < 1) std::this_thread::yield();
  std::jthread second([&] { EXPECT_EQ(get(chain).access_key, "key"); });
  std::stop_source impatient;
  std::jthread third([&] {
    const auto result = chain.get(impatient.get_token());
    EXPECT_TRUE(result || result.error().code == ErrorCode::kCancelled);
  });
  impatient.request_stop();
  third.join();
  stop.request_stop();
  first.join();
  second.join();
  released.count_down();
}

TEST_F(CredentialChainTest, ItsEndDoesNotWaitForARefresh) {
  LocalServer server;
  std::latch released(1);
  std::atomic<int> asked{0};
  server.routes().Get("/credentials", [&](const auto&, auto& response) {
    if (++asked == 2) released.wait();
    response.set_content(json("key", "Token", hours{1}), "application/json");
  });
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.start() + "/credentials";
  {
    CredentialChain chain(options(), *http_);
    get(chain);
    clock_.advance(minutes{56});
    get(chain);
    while (asked < 2) std::this_thread::yield();
  }
  released.count_down();
}

}  // namespace
}  // namespace augurfs
