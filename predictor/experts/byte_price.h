#pragma once

namespace augurfs {

struct BytePriceOptions {
  double first = 0.3;
  double min = 0.1;
  double max = 20;
  double memory = 0.998;  // of what was accounted before, with each account
  double gain = 0.05;     // how fast it follows
};

// What a fetched byte costs, in the stall that it would save if it were always asked for: it rises
// while more is spent than is allowed and falls while less is. Prefetching that pays this price
// keeps a budget without being told which bytes to leave out. What is allowed and what is spent
// are remembered for some hundreds of accounts, so what was saved may be spent later.
// Thread rule: one thread at a time.
class BytePrice {
 public:
  explicit BytePrice(const BytePriceOptions& options = {})
      : options_(options), price_(options.first) {}

  // Bytes since the last account.
  void account(double spent, double allowed);
  double price() const { return price_; }

 private:
  const BytePriceOptions options_;
  double price_;
  double spent_ = 0;
  double allowed_ = 0;
};

}  // namespace augurfs
