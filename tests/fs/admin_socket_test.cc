#include "fs/admin_socket.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

TEST(AdminSocket, TellsTheStatusToWhoAsks) {
  const TemporaryDirectory home;
  const fs::path path = home.path() / "a.sock";
  const auto admin = AdminSocket::open(path, [] { return std::string("the status"); });
  ASSERT_TRUE(admin) << admin.error().message;
  for (int i = 0; i < 3; ++i) {
    const auto answer = ask_status(path);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*answer, "the status");
  }
}

TEST(AdminSocket, ManyMayAskAtOnce) {
  const TemporaryDirectory home;
  const fs::path path = home.path() / "a.sock";
  const auto admin = AdminSocket::open(path, [] { return std::string(100'000, 's'); });
  ASSERT_TRUE(admin);
  constexpr int kAskers = 32;
  std::vector<std::thread> askers;
  askers.reserve(kAskers);
  for (int i = 0; i < kAskers; ++i) {
    askers.emplace_back([&] {
      const auto answer = ask_status(path);
      EXPECT_TRUE(answer && answer->size() == 100'000);
    });
  }
  for (std::thread& asker : askers) asker.join();
}

TEST(AdminSocket, DoesWhatItIsAskedToAndSaysWhatCameOfIt) {
  const TemporaryDirectory home;
  const fs::path path = home.path() / "a.sock";
  const std::string odd = "a&b=c d+e%20\xff\n";
  const auto admin = AdminSocket::open(
      path, [] { return std::string(); },
      {{"/echo", [](const AdminParameters& said) { return Result<std::string>(said.at("what")); }},
       {"/fail", [](const AdminParameters&) -> Result<std::string> {
          return Error{ErrorCode::kNoSpace, "no room"};
        }}});
  ASSERT_TRUE(admin);
  EXPECT_EQ(ask_daemon(path, "/echo", {{"what", odd}}).value(), odd);
  const auto failed = ask_daemon(path, "/fail");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "no room");
  const auto unknown = ask_daemon(path, "/nothing");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ask_daemon(home.path() / "b.sock", "/echo").error().code, ErrorCode::kNotFound);
}

TEST(AdminSocket, IsGoneWithItsFileAtTheEnd) {
  const TemporaryDirectory home;
  const fs::path path = home.path() / "a.sock";
  {
    const auto admin = AdminSocket::open(path, [] { return std::string(); });
  }
  EXPECT_FALSE(fs::exists(path));
  const auto answer = ask_status(path);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
}

TEST(AdminSocket, TakesThePlaceOfTheSocketOfADaemonThatWasKilled) {
  const TemporaryDirectory home;
  const fs::path path = home.write("a.sock", "");
  const auto admin = AdminSocket::open(path, [] { return std::string("fresh"); });
  ASSERT_TRUE(admin);
  EXPECT_EQ(ask_status(path).value(), "fresh");
}

TEST(AdminSocket, APathThatIsTooLongForASocketIsAnError) {
  const TemporaryDirectory home;
  EXPECT_FALSE(
      AdminSocket::open(home.path() / std::string(150, 'x'), [] { return std::string(); }));
}

}  // namespace
}  // namespace augurfs
