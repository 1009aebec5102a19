#include "remote/aws_profile.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

class AwsProfilesTest : public testing::Test {
 protected:
  AwsProfilesTest() { environment_["HOME"] = home_.path().string(); }

  Result<AwsProfiles> load() {
    return AwsProfiles::load([this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      if (found == environment_.end()) return std::nullopt;
      return found->second;
    });
  }

  std::optional<AwsProfile> find(const std::string& name) {
    const auto profiles = load();
    if (profiles) return profiles->find(name);
    ADD_FAILURE() << profiles.error().message;
    return std::nullopt;
  }

  // The error of a credentials file with that text.
  std::string refusal(const std::string& text) {
    home_.write(".aws/credentials", text);
    const auto profiles = load();
    return profiles ? "" : profiles.error().message;
  }

  TemporaryDirectory home_;
  std::map<std::string, std::string> environment_;
};

TEST_F(AwsProfilesTest, WithoutFilesThereAreNone) {
  EXPECT_FALSE(find("default"));
  environment_.clear();
  EXPECT_FALSE(find("default"));
  EXPECT_EQ(load()->credentials_file(), "~/.aws/credentials");
  EXPECT_EQ(load()->config_file(), "~/.aws/config");
}

TEST_F(AwsProfilesTest, DevNullIsAFileWithoutProfiles) {
  home_.write(".aws/credentials", "[default]\naws_access_key_id = key\n");
  environment_["AWS_CONFIG_FILE"] = "/dev/null";
  const auto profile = find("default");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->value("aws_access_key_id"), "key");
}

TEST_F(AwsProfilesTest, AProfileHasTheSettingsOfBothFiles) {
  home_.write(".aws/credentials",
              "[work]\naws_access_key_id = AKID\naws_secret_access_key = a+b/c==\n");
  home_.write(".aws/config", "[default]\nregion=us-east-2\n[profile work]\nregion = eu-west-1\n");
  const auto work = find("work");
  ASSERT_TRUE(work);
  EXPECT_EQ(work->value("aws_access_key_id"), "AKID");
  EXPECT_EQ(work->value("aws_secret_access_key"), "a+b/c==");
  EXPECT_EQ(work->value("region"), "eu-west-1");
  EXPECT_EQ(work->value("aws_session_token"), "");
  EXPECT_EQ(work->where, "~/.aws/credentials");
  EXPECT_EQ(find("default")->value("region"), "us-east-2");
  EXPECT_EQ(find("default")->where, "~/.aws/config");
}

TEST_F(AwsProfilesTest, TheCredentialsFileGoesFirstAndKeysAreNotMixed) {
  home_.write(".aws/credentials", "[p]\naws_access_key_id=A\nregion=one\n");
  home_.write(".aws/config",
              "[profile p]\naws_access_key_id=B\naws_secret_access_key=b\naws_session_token=t\n"
              "region=two\n");
  const auto profile = find("p");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->value("aws_access_key_id"), "A");
  EXPECT_EQ(profile->value("aws_secret_access_key"), "");
  EXPECT_EQ(profile->value("aws_session_token"), "");
  EXPECT_EQ(profile->value("region"), "one");
}

TEST_F(AwsProfilesTest, OnlyProfileSectionsOfTheConfigFileCount) {
  home_.write(".aws/config",
              "[work]\nregion=a\n[sso-session x]\nregion=b\n[profilex]\nregion=c\n[profile]\n");
  for (const auto* name : {"work", "x", "sso-session x", "profilex", "profile", ""}) {
    EXPECT_FALSE(find(name)) << name;
  }
}

TEST_F(AwsProfilesTest, ProfileDefaultGoesBeforeDefault) {
  home_.write(".aws/config", "[profile default]\nregion=wins\n[default]\nregion=loses\n");
  EXPECT_EQ(find("default")->value("region"), "wins");
}

TEST_F(AwsProfilesTest, NamesMayBeQuotedAndHoldSpaces) {
  home_.write(".aws/config",
              "[profile \"my work\"]\nregion=a\n[ profile   'other' ]\nregion=b\n"
              "[profile\ttab]\nregion=c\n");
  EXPECT_EQ(find("my work")->value("region"), "a");
  EXPECT_EQ(find("other")->value("region"), "b");
  EXPECT_EQ(find("tab")->value("region"), "c");
}

TEST_F(AwsProfilesTest, CommentsAndEmptyLinesAreSkipped) {
  home_.write(
      ".aws/credentials",
      "\xef\xbb\xbf# comment\r\n\r\n; another = one\r\n[default] # after a section\r\n"
      "  # indented\r\nAWS_Access_Key_ID\t=\tAKID\r\naws_secret_access_key = s#e;c=ret \r\n");
  const auto profile = find("default");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->value("aws_access_key_id"), "AKID");
  EXPECT_EQ(profile->value("aws_secret_access_key"), "s#e;c=ret");
}

TEST_F(AwsProfilesTest, AnIndentedLineContinuesTheSettingAboveIt) {
  home_.write(".aws/config",
              "[default]\ns3 =\n  region = nested\n  max_queue = 3\nregion = outer\n"
              "credential_process = tool\n  --flag\n");
  const auto profile = find("default");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->value("region"), "outer");
  EXPECT_EQ(profile->value("s3"), "\nregion = nested\nmax_queue = 3");
  EXPECT_EQ(profile->value("credential_process"), "tool\n--flag");
}

TEST_F(AwsProfilesTest, TheLaterOfTwoSettingsWins) {
  home_.write(".aws/credentials", "[a]\nregion=1\n[b]\nregion=2\n[a]\nregion=3\n");
  EXPECT_EQ(find("a")->value("region"), "3");
  EXPECT_EQ(find("b")->value("region"), "2");
}

TEST_F(AwsProfilesTest, TheEnvironmentNamesOtherFiles) {
  environment_["AWS_SHARED_CREDENTIALS_FILE"] =
      home_.write("elsewhere", "[default]\naws_access_key_id=A\n").string();
  environment_["AWS_CONFIG_FILE"] = "~/config";
  home_.write("config", "[default]\nregion=r\n");
  const auto profile = find("default");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->value("aws_access_key_id"), "A");
  EXPECT_EQ(profile->value("region"), "r");
  EXPECT_EQ(profile->where, environment_["AWS_SHARED_CREDENTIALS_FILE"]);
}

TEST_F(AwsProfilesTest, ALineThatMakesNoSenseIsNamedButNotRepeated) {
  const std::string message = refusal("[default]\naws_access_key_id = A\nverysecret\n");
  EXPECT_NE(message.find("~/.aws/credentials line 3"), std::string::npos) << message;
  EXPECT_EQ(message.find("verysecret"), std::string::npos) << message;
  EXPECT_NE(refusal("[default\n").find("line 1"), std::string::npos);
  EXPECT_NE(refusal("a = b\n").find("before the first"), std::string::npos);
  EXPECT_NE(refusal("[a]\n= b\n"), "");
}

TEST_F(AwsProfilesTest, WhatIsNoSmallFileIsRefused) {
  home_.write(".aws/credentials", std::string(2 << 20, '#'));
  EXPECT_EQ(load().error().code, ErrorCode::kInvalid);
  std::filesystem::remove(home_.path() / ".aws/credentials");
  std::filesystem::create_directory(home_.path() / ".aws/credentials");
  EXPECT_EQ(load().error().code, ErrorCode::kInvalid);
  std::filesystem::remove(home_.path() / ".aws/credentials");
  ASSERT_EQ(::mkfifo((home_.path() / ".aws/credentials").c_str(), 0600), 0);
  EXPECT_EQ(load().error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace augurfs
