#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "predictor/expert.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct NameTemplatesOptions {
  std::size_t templates_max = 1 << 13;   // names with a number in them, by stream
  std::size_t extensions_max = 1 << 10;  // by program
  std::size_t streams_max = 1 << 10;
  std::size_t numbers_ahead_max = 16;
  std::uint64_t object_bytes_max = 4 << 20;  // of one; reading ahead in it is another's business
};

// Names say what comes next: frame9.png is followed by frame10.png, which stands elsewhere in the
// listing, and a.jpg by a.json for a program that has read such pairs. Knows of what was listed and
// never read. Our own.
class NameTemplates : public Expert {
 public:
  explicit NameTemplates(const NameTemplatesOptions& options)
      : options_(options),
        series_(options.templates_max),
        extensions_(options.extensions_max),
        streams_(options.streams_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  // A stream in the names that differ in one number.
  struct Series {
    std::int64_t last = 0;
    std::int64_t step = 0;
    std::size_t in_step = 0;  // of the latest
    std::int64_t asked = 0;   // steps beyond `last`
    bool begun = false;
  };
  // Which other extensions of the same stem a program read after one.
  struct Extensions {
    static constexpr std::size_t kOthers = 3;
    struct Other {
      std::string extension;
      std::uint32_t count = 0;
    };
    std::array<Other, kOthers> others;
    std::uint32_t count = 0;  // of the one
  };
  struct Stream {
    ObjectId last{};
    std::string stem;  // its key up to the extension
    std::string extension;
  };

  void follow_number(const Event& event, const std::string& key, const Catalog& catalog,
                     std::vector<Candidate>& candidates);
  void follow_extension(const Event& event, const std::string& key, const Catalog& catalog,
                        Stream& stream, std::vector<Candidate>& candidates);
  void ask(std::string_view key, double probability, const Catalog& catalog,
           std::vector<Candidate>& candidates) const;

  const NameTemplatesOptions options_;
  RecencyTable<Series> series_;
  RecencyTable<Extensions> extensions_;
  RecencyTable<Stream> streams_;
};

}  // namespace augurfs
