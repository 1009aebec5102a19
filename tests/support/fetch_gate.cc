#include "support/fetch_gate.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace augurfs {

// One call on its way through the gate; its life is what the counts count.
class FetchGate::Call {
 public:
  Call(FetchGate& gate, Operation operation, std::string key, std::stop_token stop)
      : gate_(gate), operation_(operation), key_(std::move(key)), stop_(std::move(stop)) {
    ++gate_.state_.lock()->operations[operation_].calls;
    gate_.changed_.notify_all();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    ++gate_.state_.lock()->operations[operation_].ended;
    gate_.changed_.notify_all();
  }

  // Waits while the call may not go beyond `delivered` bytes. Then how many more it may deliver.
  Result<std::uint64_t> pass(std::uint64_t delivered) {
    auto state = gate_.state_.lock();
    OperationState& operation = state->operations[operation_];
    delivered_ = delivered;
    if (held(operation.limits)) {
      operation.waiting.push_back(this);
      gate_.changed_.notify_all();
      const bool released = gate_.changed_.wait(
          state.mutex(), stop_, [&] { return failure_ || !held(operation.limits); });
      std::erase(operation.waiting, this);
      if (!released) return Error{ErrorCode::kCancelled, "gate: cancelled while held"};
    }
    if (failure_) return *failure_;
    return operation.limits.of(key_) - delivered;
  }

  // Both under the lock of the gate's state.
  bool held(const Limits& limits) const { return !failure_ && limits.of(key_) <= delivered_; }
  void fail(const Error& error) { failure_ = error; }

 private:
  FetchGate& gate_;
  const Operation operation_;
  const std::string key_;
  const std::stop_token stop_;
  // Under the lock of the gate's state.
  std::uint64_t delivered_ = 0;
  std::optional<Error> failure_;
};

std::uint64_t FetchGate::Limits::of(const std::string& key) const {
  const auto found = keys.find(key);
  return found == keys.end() ? all : found->second;
}

FetchGate::Counts FetchGate::OperationState::counts() const {
  const auto held = std::count_if(waiting.begin(), waiting.end(),
                                  [&](const Call* call) { return call->held(limits); });
  return {calls, static_cast<std::uint64_t>(held), ended};
}

void FetchGate::hold(Operation operation, const std::string& key) {
  {
    auto state = state_.lock();
    Limits& limits = state->operations[operation].limits;
    (key.empty() ? limits.all : limits.keys[key]) = 0;
  }
  changed_.notify_all();
}

void FetchGate::hold_gets_at(std::uint64_t bytes, const std::string& key) {
  {
    auto state = state_.lock();
    Limits& limits = state->operations[kGet].limits;
    (key.empty() ? limits.all : limits.keys[key]) = bytes;
  }
  changed_.notify_all();
}

void FetchGate::open() {
  {
    auto state = state_.lock();
    for (OperationState& operation : state->operations) operation.limits = Limits{};
  }
  changed_.notify_all();
}

void FetchGate::fail_held(Operation operation, const Error& error) {
  {
    auto state = state_.lock();
    OperationState& failing = state->operations[operation];
    for (Call* call : failing.waiting) {
      if (call->held(failing.limits)) call->fail(error);
    }
  }
  changed_.notify_all();
}

FetchGate::Counts FetchGate::counts(Operation operation) const {
  return state_.lock()->operations[operation].counts();
}

std::vector<FetchGate::Get> FetchGate::gets() const { return state_.lock()->gets; }

bool FetchGate::wait_until(Operation operation, const std::function<bool(const Counts&)>& is_so) {
  auto state = state_.lock();
  return changed_.wait_for(state.mutex(), kPatience,
                           [&] { return is_so(state->operations[operation].counts()); });
}

bool FetchGate::wait_until_held(Operation operation, std::uint64_t calls) {
  return wait_until(operation, [&](const Counts& counts) { return counts.held >= calls; });
}

Result<ObjectInfo> FetchGate::head(const std::string& key, std::stop_token stop) {
  Call call(*this, kHead, key, stop);
  if (auto passed = call.pass(0); !passed) return passed.error();
  return inner_.head(key, stop);
}

Result<ListPage> FetchGate::list(const ListRequest& request, std::stop_token stop) {
  Call call(*this, kList, request.prefix, stop);
  if (auto passed = call.pass(0); !passed) return passed.error();
  return inner_.list(request, stop);
}

Result<void> FetchGate::get(const Version& version, ByteRange range, const ByteSink& sink,
                            std::stop_token stop) {
  state_.lock()->gets.push_back({version, range});
  Call call(*this, kGet, version.key, stop);
  if (auto passed = call.pass(0); !passed) return passed.error();

  std::uint64_t delivered = 0;
  std::optional<Error> refused;
  auto result = inner_.get(
      version, range,
      [&](std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
          const auto passed = call.pass(delivered);
          if (!passed) {
            refused = passed.error();
            return false;
          }
          const auto piece = bytes.first(std::min<std::uint64_t>(*passed, bytes.size()));
          if (!sink(piece)) return false;
          delivered += piece.size();
          bytes = bytes.subspan(piece.size());
        }
        return true;
      },
      stop);
  if (refused) return *refused;
  if (!result) return result;
  if (auto passed = call.pass(delivered); !passed) return passed.error();
  return {};
}

}  // namespace augurfs
