#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "remote/object_store.h"

namespace augurfs {

// A bucket that a test may fill, and the store that reads it.
class ContractBucket {
 public:
  ContractBucket() = default;
  ContractBucket(const ContractBucket&) = delete;
  ContractBucket& operator=(const ContractBucket&) = delete;
  virtual ~ContractBucket() = default;

  virtual void put(const std::string& key, const std::string& content) = 0;
  virtual void remove(const std::string& key) = 0;
  virtual ObjectStore& store() = 0;
};

struct ContractSubject {
  const char* name;
  std::function<std::unique_ptr<ContractBucket>()> make;
};

// What remote/object_store.h promises, of every store there is: who uses one may not need to know
// which. Instantiated where the stores can be had, one of them only with a server.
class ObjectStoreContract : public testing::TestWithParam<ContractSubject> {
 protected:
  void SetUp() override { bucket_ = GetParam().make(); }
  void TearDown() override { bucket_.reset(); }

  ObjectStore& store() { return bucket_->store(); }
  Version version(const std::string& key);
  // What get() fed to its sink, whatever came of it.
  struct Got {
    std::string bytes;
    Result<void> result;
  };
  Got get(const Version& version, ByteRange range);

  std::unique_ptr<ContractBucket> bucket_;
};

}  // namespace augurfs
