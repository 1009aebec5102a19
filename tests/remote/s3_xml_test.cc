#include "remote/s3_xml.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

std::string list(const std::string& content) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
         content + "</ListBucketResult>";
}

std::string object(const std::string& key) {
  return "<Contents><Key>" + key +
         "</Key><LastModified>2009-10-12T17:50:30.999Z</LastModified><ETag>&quot;abc-2&quot;</ETag>"
         "<Size>434234</Size><StorageClass>STANDARD</StorageClass></Contents>";
}

TEST(ParseListPage, ReadsObjectsAndPrefixes) {
  const auto page = parse_list_page(
      list("<Name>bucket</Name><Prefix></Prefix><KeyCount>3</KeyCount><IsTruncated>false"
           "</IsTruncated>" +
           object("a") + object("b/c") + "<CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>"));
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 2U);
  EXPECT_EQ(page->objects[0].version, (Version{"a", "abc-2", 434234}));
  EXPECT_EQ(page->objects[0].modified.time_since_epoch().count(), 1255369830);
  EXPECT_EQ(page->objects[1].version.key, "b/c");
  EXPECT_EQ(page->prefixes, std::vector<std::string>{"d/"});
  EXPECT_EQ(page->next, "");
}

TEST(ParseListPage, ReadsAnEmptyBucket) {
  const auto page = parse_list_page(list(""));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->objects.empty());
  EXPECT_TRUE(page->prefixes.empty());
}

TEST(ParseListPage, DecodesKeysOnlyWhenTheServerSaysThatItEncodedThem) {
  const std::string content =
      object("a%20b+c%2B%E2%82%AC%0A") + "<CommonPrefixes><Prefix>%25+/</Prefix></CommonPrefixes>";
  const auto encoded = parse_list_page(list("<EncodingType>url</EncodingType>" + content));
  ASSERT_TRUE(encoded);
  EXPECT_EQ(encoded->objects[0].version.key, "a b c+\xE2\x82\xAC\n");
  EXPECT_EQ(encoded->prefixes[0], "% /");
  const auto plain = parse_list_page(list(content));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->objects[0].version.key, "a%20b+c%2B%E2%82%AC%0A");
  EXPECT_EQ(plain->prefixes[0], "%25+/");
}

TEST(ParseListPage, KeepsSpacesAndLineEndsOfKeysThatAreNotEncoded) {
  const auto page = parse_list_page(list(object(" ") + object("&lt;a&gt;&#13;&#10; ")));
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->objects[0].version.key, " ");
  EXPECT_EQ(page->objects[1].version.key, "<a>\r\n ");
}

TEST(ParseListPage, SaysWhereTheNextPageBegins) {
  const auto page =
      parse_list_page(list("<IsTruncated>true</IsTruncated><NextContinuationToken>1ueGcx+PKA=="
                           "</NextContinuationToken>"));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->next, "1ueGcx+PKA==");
}

TEST(ParseListPage, RefusesWhatIsNotAListing) {
  const std::vector<std::string> bad{
      "",
      "not xml",
      "<html><body>It works!</body></html>",
      "<ListBucketResult><Contents>",
      list("").substr(0, 60),
      list("<IsTruncated>true</IsTruncated>"),
      list("<EncodingType>url</EncodingType>" + object("%zz")),
      list("<CommonPrefixes></CommonPrefixes>"),
      list("<Contents><Key>a</Key></Contents>"),
      list("<Contents><Key>a</Key><LastModified>2009-10-12T17:50:30Z</LastModified>"
           "<ETag>&quot;e&quot;</ETag><Size>-1</Size></Contents>"),
      list("<Contents><Key>a</Key><LastModified>2009-10-12T17:50:30Z</LastModified>"
           "<ETag>&quot;e&quot;</ETag><Size>18446744073709551616</Size></Contents>"),
      list("<Contents><Key>a</Key><LastModified>yesterday</LastModified>"
           "<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>"),
      list("<Contents><Key>a</Key><LastModified>2009-10-12T17:50:30Z</LastModified>"
           "<ETag>&quot;&quot;</ETag><Size>1</Size></Contents>"),
      list("<Contents><LastModified>2009-10-12T17:50:30Z</LastModified>"
           "<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>"),
  };
  for (const std::string& body : bad) {
    const auto page = parse_list_page(body);
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt) << body;
    EXPECT_TRUE(page.error().message.starts_with("not the listing of an S3 server"));
    EXPECT_TRUE(page.error().message.ends_with("; check remote.endpoint"));
  }
}

TEST(ParseListPage, EveryCutOffListingIsAnError) {
  const std::string whole = list(object("a") + object("b"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_list_page(std::string_view(whole).substr(0, size))) << size;
  }
}

TEST(ParseS3Error, ReadsCodeMessageRegionAndRequestId) {
  const S3Error error = parse_s3_error(
      "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>the region "
      "is "
      "wrong</Message><Region>eu-west-1</Region><RequestId>4442587FB7D0A2F9</RequestId></Error>");
  EXPECT_EQ(error.code, "AuthorizationHeaderMalformed");
  EXPECT_EQ(error.message, "the region is wrong");
  EXPECT_EQ(error.region, "eu-west-1");
  EXPECT_EQ(error.request_id, "4442587FB7D0A2F9");
}

TEST(ParseS3Error, IsEmptyForAnythingElse) {
  for (const char* body : {"", "<html/>", "oops", "<Error>"}) {
    EXPECT_EQ(parse_s3_error(body).code, "") << body;
  }
}

}  // namespace
}  // namespace augurfs
