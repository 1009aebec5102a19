#include "remote/sigv4.h"

#include <gtest/gtest.h>

#include "remote/dates.h"
#include "remote/percent_encoding.h"

namespace augurfs {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string signature_of(const std::string& authorization) {
  const std::size_t at = authorization.find("Signature=");
  return at == std::string::npos ? authorization : authorization.substr(at + 10);
}

std::string header_of(const HttpRequest& request, const std::string& name) {
  for (const auto& [known, value] : request.headers) {
    if (known == name) return value;
  }
  return "";
}

// From AWS's Signature Version 4 test suite: one file per name.
struct SuiteCase {
  std::string name;
  std::string method;
  std::string target;
  Headers headers;
  std::string body;
  std::string signature;
};

class SigV4Suite : public testing::TestWithParam<SuiteCase> {};

TEST_P(SigV4Suite, GivesTheSignatureThatAwsPublished) {
  const SuiteCase& expected = GetParam();
  HttpRequest request;
  request.method = expected.method;
  request.url = "https://example.amazonaws.com" + expected.target;
  request.headers = expected.headers;
  request.headers.emplace_back("X-Amz-Date", "20150830T123600Z");
  const SigV4Signer signer("service");
  const Credentials credentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}};
  EXPECT_EQ(signature_of(signer.authorization(request, credentials, "us-east-1", "20150830T123600Z",
                                              sha256_hex(expected.body))),
            expected.signature);
}

const std::string kUnreserved =
    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

INSTANTIATE_TEST_SUITE_P(
    Published, SigV4Suite,
    testing::Values(
        SuiteCase{"get_vanilla",
                  "GET",
                  "/",
                  {},
                  "",
                  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        SuiteCase{"get_vanilla_without_a_path",
                  "GET",
                  "",
                  {},
                  "",
                  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        SuiteCase{"get_vanilla_query_order_key_case",
                  "GET",
                  "/?Param2=value2&Param1=value1",
                  {},
                  "",
                  "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        SuiteCase{"get_vanilla_empty_query_key",
                  "GET",
                  "/?Param1=value1",
                  {},
                  "",
                  "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
        SuiteCase{"get_vanilla_query_unreserved",
                  "GET",
                  "/?" + kUnreserved + "=" + kUnreserved,
                  {},
                  "",
                  "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
        SuiteCase{"get_unreserved",
                  "GET",
                  "/" + kUnreserved,
                  {},
                  "",
                  "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
        SuiteCase{"get_utf8",
                  "GET",
                  percent_encode_path("/\xE1\x88\xB4"),
                  {},
                  "",
                  "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        SuiteCase{"get_header_key_duplicate",
                  "GET",
                  "/",
                  {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
                  "",
                  "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
        SuiteCase{"get_header_value_order",
                  "GET",
                  "/",
                  {{"My-Header1", "value4"},
                   {"My-Header1", "value1"},
                   {"My-Header1", "value3"},
                   {"My-Header1", "value2"}},
                  "",
                  "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
        SuiteCase{"get_header_value_trim",
                  "GET",
                  "/",
                  {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
                  "",
                  "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
        SuiteCase{"post_vanilla",
                  "POST",
                  "/",
                  {},
                  "",
                  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        SuiteCase{"post_vanilla_query",
                  "POST",
                  "/?Param1=value1",
                  {},
                  "",
                  "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
        SuiteCase{"post_header_key_sort",
                  "POST",
                  "/",
                  {{"My-Header1", "value1"}},
                  "",
                  "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
        SuiteCase{"post_x_www_form_urlencoded",
                  "POST",
                  "/",
                  {{"Content-Type", "application/x-www-form-urlencoded"}},
                  "Param1=value1",
                  "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"}),
    [](const auto& tested) { return tested.param.name; });

// From "Authenticating Requests: Using the Authorization Header" of the S3 API reference.
const Credentials kS3Example{
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", {}};
const auto kS3ExampleTime = *parse_iso_date("2013-05-24T00:00:00Z");

HttpRequest signed_example(const std::string& target, Headers headers = {}) {
  HttpRequest request;
  request.url = "https://examplebucket.s3.amazonaws.com" + target;
  request.headers = std::move(headers);
  SigV4Signer().sign(request, kS3Example, "us-east-1", kS3ExampleTime);
  return request;
}

TEST(SigV4Signer, SignsTheExamplesOfTheS3Reference) {
  EXPECT_EQ(header_of(signed_example("/test.txt", {{"Range", "bytes=0-9"}}), "authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(signature_of(header_of(signed_example("/?lifecycle"), "authorization")),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(signature_of(header_of(signed_example("/?max-keys=2&prefix=J"), "authorization")),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4Signer, SignsTheBodyOfAPut) {
  HttpRequest request;
  request.method = "PUT";
  request.url = "https://examplebucket.s3.amazonaws.com/" + percent_encode_path("test$file.text");
  request.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.body = "Welcome to Amazon S3.";
  SigV4Signer().sign(request, kS3Example, "us-east-1", kS3ExampleTime);
  EXPECT_EQ(header_of(request, "x-amz-content-sha256"),
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  EXPECT_EQ(signature_of(header_of(request, "authorization")),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4Signer, SendsAndSignsASessionToken) {
  HttpRequest request;
  request.url = "https://examplebucket.s3.amazonaws.com/a";
  Credentials temporary = kS3Example;
  temporary.session_token = "token";
  SigV4Signer().sign(request, temporary, "us-east-1", kS3ExampleTime);
  EXPECT_EQ(header_of(request, "x-amz-security-token"), "token");
  EXPECT_NE(header_of(request, "authorization").find("x-amz-date;x-amz-security-token"),
            std::string::npos);
}

TEST(SigV4Signer, DerivesItsKeyAnewForAnotherDayRegionOrSecret) {
  const SigV4Signer kept;
  const auto sign = [](const SigV4Signer& signer, const Credentials& credentials,
                       const std::string& region, std::chrono::sys_seconds time) {
    HttpRequest request;
    request.url = "https://host/a";
    signer.sign(request, credentials, region, time);
    return header_of(request, "authorization");
  };
  Credentials other = kS3Example;
  other.secret_key = "other";
  for (const auto& credentials : {kS3Example, other, kS3Example}) {
    for (const char* region : {"us-east-1", "eu-west-1"}) {
      for (const int hours : {0, 24}) {
        const auto time = kS3ExampleTime + std::chrono::hours(hours);
        EXPECT_EQ(sign(kept, credentials, region, time),
                  sign(SigV4Signer(), credentials, region, time));
      }
    }
  }
}

TEST(SigV4Signer, SignsThePortAndEverySlashOfTheUrl) {
  const auto sign = [](const std::string& url) {
    HttpRequest request;
    request.url = url;
    SigV4Signer().sign(request, kS3Example, "us-east-1", kS3ExampleTime);
    return signature_of(header_of(request, "authorization"));
  };
  EXPECT_NE(sign("http://host/a"), sign("http://host:7480/a"));
  EXPECT_NE(sign("http://host/a/b"), sign("http://host/a//b"));
  EXPECT_NE(sign("http://host/a/../b"), sign("http://host/b"));
}

}  // namespace
}  // namespace augurfs
