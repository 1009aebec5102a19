#pragma once

#include <string>
#include <string_view>

#include "remote/object_store.h"
#include "remote/result.h"

namespace augurfs {

// What the body of an S3 error says; "" for what it does not say.
struct S3Error {
  std::string code;
  std::string message;
  std::string region;  // the bucket's, when the request was signed for another one
  std::string request_id;
};

// All empty when `body` is not the XML of an S3 error.
S3Error parse_s3_error(std::string_view body);

// The answer to ListObjectsV2. Keys come back as they are in the bucket, ETags without quotes.
// kCorrupt when `body` is no such answer, or lacks what a listing must have.
Result<ListPage> parse_list_page(std::string_view body);

}  // namespace augurfs
