#include "remote/s3_xml.h"

#include <charconv>
#include <optional>
#include <pugixml.hpp>
#include <utility>

#include "remote/dates.h"
#include "remote/percent_encoding.h"

namespace augurfs {
namespace {

// Without the folding of line ends, and with texts that are nothing but spaces: a server that does
// not encode keys has them as they are.
constexpr unsigned kParseFlags =
    pugi::parse_cdata | pugi::parse_escapes | pugi::parse_ws_pcdata_single;

// How much of an unexpected answer an error message shows.
constexpr std::size_t kExcerptBytes = 80;

Error corrupt(const std::string& what) {
  return {ErrorCode::kCorrupt,
          "not the listing of an S3 server: " + what + "; check remote.endpoint"};
}

std::string excerpt(std::string_view body) {
  std::string text;
  for (const char c : body.substr(0, kExcerptBytes)) {
    text += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return text;
}

std::optional<std::string> key_of(const pugi::xml_node& parent, const char* name, bool encoded) {
  const pugi::xml_node node = parent.child(name);
  if (!node) return std::nullopt;
  const char* const text = node.text().get();
  return encoded ? percent_decode(text) : std::string(text);
}

std::optional<ObjectInfo> parse_object(const pugi::xml_node& node, bool encoded) {
  std::optional<std::string> key = key_of(node, "Key", encoded);
  const auto modified = parse_iso_date(node.child("LastModified").text().get());
  const std::string_view size_text = node.child("Size").text().get();
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(size_text.begin(), size_text.end(), size);
  std::string etag = node.child("ETag").text().get();
  std::erase(etag, '"');
  if (!key || !modified || size_text.empty() || error != std::errc{} || end != size_text.end() ||
      etag.empty()) {
    return std::nullopt;
  }
  return ObjectInfo{{std::move(*key), std::move(etag), size}, *modified};
}

}  // namespace

S3Error parse_s3_error(std::string_view body) {
  pugi::xml_document document;
  document.load_buffer(body.data(), body.size(), kParseFlags);
  const pugi::xml_node error = document.child("Error");
  return {error.child("Code").text().get(), error.child("Message").text().get(),
          error.child("Region").text().get(), error.child("RequestId").text().get()};
}

Result<ListPage> parse_list_page(std::string_view body) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed =
      document.load_buffer(body.data(), body.size(), kParseFlags, pugi::encoding_utf8);
  if (!parsed) {
    return corrupt(std::string(parsed.description()) + " at byte " + std::to_string(parsed.offset) +
                   " of '" + excerpt(body) + "'");
  }
  const pugi::xml_node root = document.child("ListBucketResult");
  if (!root) return corrupt("'" + excerpt(body) + "'");
  const bool encoded = std::string_view(root.child("EncodingType").text().get()) == "url";

  ListPage page;
  for (const pugi::xml_node node : root.children("Contents")) {
    std::optional<ObjectInfo> object = parse_object(node, encoded);
    if (!object) {
      return corrupt("an object without a valid key, ETag, size or date: key '" +
                     std::string(node.child("Key").text().get()) + "'");
    }
    page.objects.push_back(std::move(*object));
  }
  for (const pugi::xml_node node : root.children("CommonPrefixes")) {
    std::optional<std::string> prefix = key_of(node, "Prefix", encoded);
    if (!prefix) return corrupt("a common prefix without a valid name");
    page.prefixes.push_back(std::move(*prefix));
  }
  if (std::string_view(root.child("IsTruncated").text().get()) == "true") {
    page.next = root.child("NextContinuationToken").text().get();
    if (page.next.empty()) return corrupt("it goes on, but does not say where");
  }
  return page;
}

}  // namespace augurfs
