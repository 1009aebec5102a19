#include "remote/credentials.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <system_error>
#include <thread>
#include <utility>

#include "remote/credential_sources.h"
#include "remote/dates.h"
#include "remote/guarded.h"

namespace augurfs {
namespace {

using Clock = std::chrono::system_clock;

// Long before they expire, so that a source that is down for a while goes unnoticed.
constexpr std::chrono::minutes kRefreshBefore{5};
// How long an answer stands: a hundred readers that are refused do not ask a hundred times.
constexpr std::chrono::seconds kAskAgainAfter{5};
constexpr std::chrono::seconds kRefreshAgainAfter{30};

struct NamedSource {
  const char* name;
  CredentialSource ask;
};
constexpr std::array kSources{
    NamedSource{"environment", environment_credentials},
    NamedSource{"web identity", web_identity_credentials},
    NamedSource{"profile", profile_credentials},
    NamedSource{"container", container_credentials},
    NamedSource{"EC2 instance", instance_credentials},
};

// Blanks and control characters come from careless copying, and would break a header.
bool is_clean(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Result<void> check(const Credentials& credentials, Clock::time_point now) {
  if (!is_clean(credentials.access_key) || !is_clean(credentials.secret_key) ||
      !is_clean(credentials.session_token)) {
    return Error{ErrorCode::kDenied, "a blank or a control character in its keys"};
  }
  if (credentials.expires && *credentials.expires <= now) {
    const auto when = std::chrono::floor<std::chrono::seconds>(*credentials.expires);
    return Error{ErrorCode::kDenied, "its credentials expired at " + to_readable_date(when)};
  }
  return {};
}

// Whether `then` is less than `span` ago; a clock that was set back makes nothing young.
bool within(std::chrono::seconds span, std::optional<Clock::time_point> then,
            Clock::time_point now) {
  return then && now >= *then && now - *then < span;
}

// What a search of the sources came to.
struct Found {
  Credentials credentials;
  std::string where;
  std::size_t source = 0;  // in kSources
};

// What a get() is to do.
enum class Step { kUse, kUseAndRefresh, kWait, kRefuse, kAsk };

struct State {
  std::optional<Found> found;
  std::optional<std::size_t> kept_to;  // the source that had credentials
  bool asking = false;                 // somebody is
  std::uint64_t answers = 0;
  std::optional<Error> refusal;  // the last answer, unless it was credentials
  std::optional<Clock::time_point> answered;

  Step next(Clock::time_point now) const;
};

Step State::next(Clock::time_point now) const {
  if (found) {
    const auto expires = found->credentials.expires;
    if (!expires || now < *expires - kRefreshBefore) return Step::kUse;
    const bool due = !asking && !within(kRefreshAgainAfter, answered, now);
    if (now < *expires) return due ? Step::kUseAndRefresh : Step::kUse;
  }
  if (asking) return Step::kWait;
  if (refusal && within(kAskAgainAfter, answered, now)) return Step::kRefuse;
  return Step::kAsk;
}

}  // namespace

struct CredentialChain::Parts {
  Parts(CredentialOptions given, HttpClient& client)
      : options(std::move(given)), context{options, client} {}

  Result<Found> ask(std::optional<std::size_t> kept_to, const std::stop_token& stop) const;
  Result<std::optional<Found>> ask_source(std::size_t source, std::string& said,
                                          std::stop_token stop) const;
  void answer(const Result<Found>& result);
  void refresh_behind(std::optional<std::size_t> kept_to);

  const CredentialOptions options;
  const CredentialContext context;
  std::condition_variable_any answered;
  Guarded<State> state;
  std::jthread refresher;  // touched only by who set `asking`; last, so that it ends first
};

// nullopt when the source is not configured. `said` is what it said in any case.
Result<std::optional<Found>> CredentialChain::Parts::ask_source(std::size_t source,
                                                                std::string& said,
                                                                std::stop_token stop) const {
  auto answer = kSources[source].ask(context, std::move(stop));
  if (answer && answer->credentials) {
    if (auto good = check(*answer->credentials, options.now()); !good) {
      const bool is_its_name = answer->said == kSources[source].name;
      answer = is_its_name ? good.error() : good.error().in(answer->said);
    }
  }
  said = answer ? answer->said : answer.error().message;
  if (!answer) return answer.error();
  if (!answer->credentials) return std::nullopt;
  return Found{std::move(*answer->credentials), said, source};
}

Result<Found> CredentialChain::Parts::ask(std::optional<std::size_t> kept_to,
                                          const std::stop_token& stop) const {
  const std::size_t first = kept_to.value_or(0);
  const std::size_t end = kept_to ? first + 1 : kSources.size();
  std::string tried;
  for (std::size_t source = first; source < end; ++source) {
    std::string said;
    auto found = ask_source(source, said, stop);
    if (found && *found) return std::move(**found);
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "credentials: cancelled"};
    tried += std::string(tried.empty() ? "" : "; ") + kSources[source].name + ": " + said;
    if (found) continue;
    // Trouble that may pass keeps its code; whatever else a source says means no.
    const ErrorCode code = found.error().code;
    const bool passes = code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout;
    return Error{passes ? code : ErrorCode::kDenied, "no credentials: " + tried};
  }
  return Error{ErrorCode::kDenied, "no credentials: " + tried +
                                       "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                                       "remote.anonymous for a public bucket"};
}

// Ends an asking, well or not, and tells those who wait for it.
void CredentialChain::Parts::answer(const Result<Found>& result) {
  {
    auto now = state.lock();
    now->asking = false;
    // Cancelled is no answer: the next who waits asks for himself.
    if (result || result.error().code != ErrorCode::kCancelled) {
      ++now->answers;
      now->answered = options.now();
      now->refusal.reset();
      if (result) {
        now->found = *result;
        now->kept_to = result->source;
      } else {
        now->refusal = result.error();
      }
    }
  }
  answered.notify_all();
}

// Asks on a thread of its own, so that nobody waits; the caller has set `asking`.
void CredentialChain::Parts::refresh_behind(std::optional<std::size_t> kept_to) {
  const auto refresh = [this, kept_to](std::stop_token stop) {
    const auto result = ask(kept_to, stop);
    if (!result && result.error().code != ErrorCode::kCancelled) {
      spdlog::warn("credentials.refresh_failed error={:?}", result.error().message);
    }
    answer(result);
  };
  try {
    refresher = std::jthread(refresh);
  } catch (const std::system_error& error) {
    answer(Error{ErrorCode::kUnavailable, std::string("no thread: ") + error.what()});
  }
}

CredentialChain::CredentialChain(CredentialOptions options, HttpClient& http)
    : parts_(std::make_unique<Parts>(std::move(options), http)) {}

CredentialChain::~CredentialChain() = default;

Result<std::optional<Credentials>> CredentialChain::get(std::stop_token stop) {
  if (parts_->options.anonymous) return std::nullopt;
  for (;;) {
    std::optional<Credentials> meanwhile;
    std::optional<std::size_t> kept_to;
    {
      auto state = parts_->state.lock();
      const Step step = state->next(parts_->options.now());
      if (step == Step::kRefuse) return *state->refusal;
      if (step == Step::kUse) return state->found->credentials;
      if (step == Step::kWait) {
        const std::uint64_t answers = state->answers;
        if (!parts_->answered.wait(state.mutex(), stop, [&] { return !state->asking; })) {
          return Error{ErrorCode::kCancelled, "credentials: cancelled"};
        }
        if (state->answers != answers && state->refusal) return *state->refusal;
        continue;
      }
      state->asking = true;
      kept_to = state->kept_to;
      if (step == Step::kUseAndRefresh) meanwhile = state->found->credentials;
    }
    if (meanwhile) {
      parts_->refresh_behind(kept_to);
      return meanwhile;
    }
    const auto result = parts_->ask(kept_to, stop);
    parts_->answer(result);
    if (!result) return result.error();
    return result->credentials;
  }
}

void CredentialChain::refresh() {
  auto state = parts_->state.lock();
  state->found.reset();
  state->kept_to.reset();
  state->refusal.reset();
}

std::string CredentialChain::source() const {
  if (parts_->options.anonymous) return "anonymous";
  auto state = parts_->state.lock();
  return state->found ? state->found->where : "";
}

std::string CredentialChain::region() const { return parts_->context.region(); }

}  // namespace augurfs
