#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>

#include "remote/guarded.h"
#include "remote/result.h"

namespace augurfs {

// Makes one request of many callers' equal questions: one of them asks the store, on its own
// thread, the others wait for its answer. When the one who asks is cancelled, the next of those
// who wait asks; any other error is everybody's.
//
// Thread rule: any thread. Bounded by its callers: it holds nothing when nobody asks.
template <typename T>
class SingleFlight {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // The answer to the question `key`: that of a call that began after `oldest`, else of `ask`,
  // which begins at `now`. A caller whose token fires while it waits gets kCancelled at once.
  template <typename Ask>
  Result<T> run(const std::string& key, Time oldest, Time now, std::stop_token stop, Ask&& ask) {
    std::shared_ptr<Call> mine;
    // Each round ends in an answer or sees the call of another caller cancelled: the rounds are
    // bounded by the number of callers.
    while (!mine) {
      auto calls = calls_.lock();
      std::shared_ptr<Call>& current = (*calls)[key];
      if (!current || current->began <= oldest) {
        mine = current = std::make_shared<Call>();
        mine->began = now;
        continue;
      }
      const std::shared_ptr<Call> other = current;
      if (!other->ended.wait(calls.mutex(), stop, [&] { return other->answer.has_value(); })) {
        return Error{ErrorCode::kCancelled, "cancelled while another asked for '" + key + "'"};
      }
      const Result<T>& answer = *other->answer;
      if (answer || answer.error().code != ErrorCode::kCancelled) return answer;
    }
    Answering answering(*this, key, mine);
    answering.answer = ask();
    return Result<T>(answering.answer);  // a copy: the other goes to those who wait
  }

 private:
  struct Call {
    Time began;
    std::optional<Result<T>> answer;
    std::condition_variable_any ended;
  };
  // Gives the answer to all who wait, also when asking threw: the next of them asks then.
  struct Answering {
    Answering(SingleFlight& flight_, const std::string& key_, std::shared_ptr<Call> call_)
        : flight(flight_), key(key_), call(std::move(call_)) {}
    Answering(const Answering&) = delete;
    Answering& operator=(const Answering&) = delete;
    ~Answering() {
      auto calls = flight.calls_.lock();
      call->answer = std::move(answer);
      const auto current = calls->find(key);
      if (current != calls->end() && current->second == call) calls->erase(current);
      call->ended.notify_all();
    }

    SingleFlight& flight;
    const std::string& key;
    const std::shared_ptr<Call> call;
    Result<T> answer = Error{ErrorCode::kCancelled, "broken off"};
  };
  Guarded<std::unordered_map<std::string, std::shared_ptr<Call>>> calls_;
};

}  // namespace augurfs
