// The contract of every store that needs no server of somebody else's.

#include <filesystem>

#include "remote/file_store.h"
#include "remote/object_store_contract.h"
#include "remote/s3_store.h"
#include "support/s3_server.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

class MemoryBucket : public ContractBucket {
 public:
  void put(const std::string& key, const std::string& content) override {
    store_.put(key, content);
  }
  void remove(const std::string& key) override { store_.remove(key); }
  ObjectStore& store() override { return store_; }

 private:
  MemoryStore store_;
};

class FileBucket : public ContractBucket {
 public:
  FileBucket() : store_(FileStore::open({.directory = directory_.path().string()})) {}
  void put(const std::string& key, const std::string& content) override {
    directory_.write(key, content);
  }
  void remove(const std::string& key) override { std::filesystem::remove(directory_.path() / key); }
  ObjectStore& store() override { return **store_; }

 private:
  TemporaryDirectory directory_;
  const Result<std::unique_ptr<FileStore>> store_;
};

class LocalS3Bucket : public ContractBucket {
 public:
  LocalS3Bucket()
      : store_(S3Store::open(server_.url(), server_.options(),
                             {.environment = S3Server::environment})) {}
  void put(const std::string& key, const std::string& content) override {
    server_.bucket().put(key, content);
  }
  void remove(const std::string& key) override { server_.bucket().remove(key); }
  ObjectStore& store() override { return **store_; }

 private:
  S3Server server_;
  const Result<std::unique_ptr<S3Store>> store_;
};

INSTANTIATE_TEST_SUITE_P(Of, ObjectStoreContract,
                         testing::Values(ContractSubject{"memory", std::make_unique<MemoryBucket>},
                                         ContractSubject{"a_directory",
                                                         std::make_unique<FileBucket>},
                                         ContractSubject{"s3", std::make_unique<LocalS3Bucket>}),
                         [](const auto& subject) { return subject.param.name; });

}  // namespace
}  // namespace augurfs
