#include "fs/edit_distance.h"

#include <algorithm>
#include <array>

namespace augurfs {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t kCharsMax = 64;
  a = a.substr(0, kCharsMax);
  b = b.substr(0, kCharsMax);
  // Optimal string alignment; row i holds the distances of a's first i characters.
  using Row = std::array<std::size_t, kCharsMax + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = last;
    last = row;
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + other});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace augurfs
