// The contract of the S3 store on a real RGW.

#include "remote/object_store_contract.h"
#include "remote/s3_store.h"
#include "remote/store_url.h"
#include "support/s3_bucket.h"

namespace augurfs {
namespace {

class RgwBucket : public ContractBucket {
 public:
  RgwBucket()
      : store_(S3Store::open(*parse_store_url(bucket_.url()), bucket_.options(),
                             {.environment = [this](const std::string& name) {
                               return bucket_.environment(name);
                             }})) {}
  void put(const std::string& key, const std::string& content) override {
    bucket_.put(key, content);
  }
  void remove(const std::string& key) override { bucket_.remove(key); }
  ObjectStore& store() override { return **store_; }

 private:
  S3Bucket bucket_;
  const Result<std::unique_ptr<S3Store>> store_;
};

INSTANTIATE_TEST_SUITE_P(Of, ObjectStoreContract,
                         testing::Values(ContractSubject{"rgw", std::make_unique<RgwBucket>}),
                         [](const auto& subject) { return subject.param.name; });

}  // namespace
}  // namespace augurfs
