#include "predictor/brain/supervisor.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "predictor/brain/brain_process.h"
#include "predictor/brain/briefing.h"
#include "predictor/brain/protocol.h"
#include "remote/guarded.h"
#include "remote/wait.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Long enough for an orderly end, too short for a person who unmounts to notice.
constexpr milliseconds kEndsWithin{500};
// Packets heard, or sent, before something else has its turn.
constexpr int kPacketsInARow = 64;

// On its way to the brain.
struct OutboxPacket {
  std::string bytes;
  std::uint64_t events = 0;
};

// Packets that wait, and what all threads know of the brain.
struct Outbox {
  bool open = false;             // a brain listens
  std::uint64_t generation = 0;  // which one
  std::deque<OutboxPacket> packets;
  std::size_t bytes = 0;
  BrainStats stats;

  void push(std::string_view record) {
    if (packets.empty() || packets.back().bytes.size() + record.size() > kPacketBytesMax) {
      packets.emplace_back();
    }
    packets.back().bytes += record;
    bytes += record.size();
  }
  void close() {
    open = false;
    for (const OutboxPacket& packet : packets) stats.events_dropped += packet.events;
    packets.clear();
    bytes = 0;
  }
};

// A brain's right to speak, as tokens that come back with time.
class RateLimit {
 public:
  RateLimit(std::uint64_t per_second, steady_clock::time_point now)
      : per_second_(static_cast<double>(per_second)), tokens_(2 * per_second_), then_(now) {}

  bool spend(std::size_t count, steady_clock::time_point now) {
    const std::chrono::duration<double> passed = now - then_;
    then_ = now;
    tokens_ = std::min(2 * per_second_, tokens_ + passed.count() * per_second_);
    tokens_ -= static_cast<double>(count);
    return tokens_ >= 0;
  }

 private:
  const double per_second_;
  double tokens_;
  steady_clock::time_point then_;
};

}  // namespace

struct Supervisor::Parts {
  Parts(SupervisorOptions options_, HintSink hints_)
      : options(std::move(options_)),
        hints(std::move(hints_)),
        wanted(options.wanted),
        roused(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  class Talk;

  void run(const std::stop_token& stop);
  std::string live(const std::stop_token& stop);
  bool wait_until_wanted(const std::stop_token& stop) const;
  void rouse() const { ::eventfd_write(roused.get(), 1); }

  const SupervisorOptions options;
  const HintSink hints;
  std::atomic<bool> wanted;
  std::atomic<bool> anew = false;  // another brain is wanted
  const UniqueFd roused;           // the thread's poll ends
  // Of the thread that tells.
  Briefing briefing;
  std::uint64_t briefed_generation = 0;
  Guarded<Outbox> outbox;
  std::jthread thread;  // last: it ends before what it uses
};

// One life of a brain. Each step says why it is over, or nothing.
class Supervisor::Parts::Talk {
 public:
  using Over = std::optional<std::string>;

  Talk(Parts& parts, BrainProcess& brain)
      : parts_(parts),
        brain_(brain),
        rate_(parts.options.records_per_second_max, steady_clock::now()),
        waiting_since_(steady_clock::now()) {}
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;
  ~Talk() {
    auto locked = parts_.outbox.lock();
    locked->stats.events_dropped += waiting_.events;
    locked->close();
  }

  // Until it is over; "" when that was our wish.
  std::string go_on(const std::stop_token& stop) {
    waiting_.bytes = encode(DaemonRecord(BrainHello{}));
    while (true) {
      if (auto over = speak()) return *over;
      wait();
      if (stop.stop_requested() || !parts_.wanted || parts_.anew.exchange(false)) return {};
      // What has arrived is heard before it is called late: we may have been stopped ourselves.
      if (auto over = hear()) return *over;
      if (auto over = look_at_clock()) return *over;
    }
  }

 private:
  // It owes us a word.
  bool waits() const { return !greeted_ || pings_ != pongs_; }
  void wait();
  Over hear();
  Over take(std::vector<BrainRecord>& records);
  Over take_hello(const BrainHello& hello);
  void take_model(ModelNews model);
  Over speak();
  Over look_at_clock();
  bool take_packet();

  Parts& parts_;
  BrainProcess& brain_;
  RateLimit rate_;
  bool greeted_ = false;
  std::uint64_t pings_ = 0;
  std::uint64_t pongs_ = 0;
  std::uint64_t hints_dropped_ = 0;         // as it says
  steady_clock::time_point waiting_since_;  // for its hello or its pong
  steady_clock::time_point ask_at_;         // when to ping
  std::string ping_;                        // to be said next
  OutboxPacket waiting_;      // said before all else: the packet that found the socket full
  bool past_told_ = false;    // what was learned on earlier mounts
  bool model_noted_ = false;  // in the log, once in a life: a brain may say anything
  std::vector<Candidate> hints_;
};

void Supervisor::Parts::Talk::wait() {
  const auto deadline = waits() ? waiting_since_ + parts_.options.answer_within : ask_at_;
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  const bool full = !waiting_.bytes.empty();
  std::array<pollfd, 2> fds{
      pollfd{parts_.roused.get(), POLLIN, 0},
      pollfd{brain_.socket().fd(), static_cast<short>(POLLIN | (full ? POLLOUT : 0)), 0}};
  const auto timeout = std::clamp<std::int64_t>(left.count(), 0, 60'000);
  if (::poll(fds.data(), fds.size(), static_cast<int>(timeout)) <= 0) return;
  if (fds[0].revents != 0) {
    eventfd_t count = 0;
    ::eventfd_read(parts_.roused.get(), &count);
  }
}

Supervisor::Parts::Talk::Over Supervisor::Parts::Talk::hear() {
  for (int packets = 0; packets < kPacketsInARow; ++packets) {
    auto packet = brain_.socket().receive(false);
    if (!packet) return "sent " + packet.error().message;
    if (!*packet) return std::nullopt;
    if ((*packet)->empty()) return "hung up";
    auto records = decode_for_daemon(**packet);
    if (!records) return "sent " + records.error().message;
    if (!rate_.spend(records->size(), steady_clock::now())) return "sends too many hints";
    if (auto over = take(*records)) return over;
  }
  return std::nullopt;
}

Supervisor::Parts::Talk::Over Supervisor::Parts::Talk::take(std::vector<BrainRecord>& records) {
  hints_.clear();
  const std::uint64_t dropped_before = hints_dropped_;
  for (const BrainRecord& record : records) {
    if (const auto* hello = std::get_if<BrainHello>(&record)) {
      if (auto over = take_hello(*hello)) return over;
    } else if (!greeted_) {
      return "sent something before a hello";
    } else if (const auto* pong = std::get_if<BrainPong>(&record)) {
      const bool asked = pong->number > pongs_ && pong->number <= pings_;
      if (!asked || pong->hints_dropped < hints_dropped_) return "sent a pong that cannot be";
      pongs_ = pong->number;
      hints_dropped_ = pong->hints_dropped;
    } else if (const auto* model = std::get_if<ModelNews>(&record)) {
      take_model(*model);
    } else {
      hints_.push_back(std::get<Candidate>(record));
    }
  }
  {
    auto locked = parts_.outbox.lock();
    locked->stats.hints_received += hints_.size();
    locked->stats.hints_dropped += hints_dropped_ - dropped_before;
  }
  if (!hints_.empty()) parts_.hints(hints_);
  return std::nullopt;
}

Supervisor::Parts::Talk::Over Supervisor::Parts::Talk::take_hello(const BrainHello& hello) {
  if (greeted_) return "said hello twice";
  if (hello.version != kProtocolVersion) {
    return "speaks version " + std::to_string(hello.version) + ", not " +
           std::to_string(kProtocolVersion);
  }
  greeted_ = true;
  if (parts_.options.past != nullptr) parts_.options.past->begin();
  ask_at_ = steady_clock::now() + parts_.options.ping_every;
  auto locked = parts_.outbox.lock();
  locked->open = true;
  ++locked->generation;
  locked->stats.state = BrainState::kRunning;
  return std::nullopt;
}

// Its words are shown to people, so what is no printable ASCII in them is not.
void Supervisor::Parts::Talk::take_model(ModelNews model) {
  std::replace_if(
      model.note.begin(), model.note.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (!model.note.empty() && !std::exchange(model_noted_, true)) {
    spdlog::warn("brain.model note={:?}", model.note);
  }
  parts_.outbox.lock()->stats.model = std::move(model);
}

// Into `waiting_`: of the past first, so that the present is seen in its light. False when there is
// nothing to say.
bool Supervisor::Parts::Talk::take_packet() {
  if (!ping_.empty()) {
    waiting_.bytes = std::exchange(ping_, {});
    return true;
  }
  if (greeted_ && !past_told_) {
    if (parts_.options.past != nullptr) waiting_.bytes = parts_.options.past->next();
    past_told_ = waiting_.bytes.empty();
    if (!past_told_) return true;
  }
  auto locked = parts_.outbox.lock();
  if (locked->packets.empty()) return false;
  waiting_ = std::move(locked->packets.front());
  locked->packets.pop_front();
  locked->bytes -= waiting_.bytes.size();
  return true;
}

Supervisor::Parts::Talk::Over Supervisor::Parts::Talk::speak() {
  for (int packets = 0; packets < kPacketsInARow; ++packets) {
    if (waiting_.bytes.empty() && !take_packet()) return std::nullopt;
    const PacketSocket::Sent sent = brain_.socket().send(waiting_.bytes, false);
    if (sent == PacketSocket::Sent::kFull) return std::nullopt;
    if (sent == PacketSocket::Sent::kClosed) return "hung up";
    parts_.outbox.lock()->stats.events_sent += std::exchange(waiting_, {}).events;
  }
  parts_.rouse();  // to go on as soon as the brain has been heard
  return std::nullopt;
}

// A ping goes before what waits to be said: a brain is late when it does not answer, not when there
// is much to tell it.
Supervisor::Parts::Talk::Over Supervisor::Parts::Talk::look_at_clock() {
  const auto now = steady_clock::now();
  if (waits()) {
    if (now < waiting_since_ + parts_.options.answer_within) return std::nullopt;
    return greeted_ ? "does not answer" : "has not said hello";
  }
  if (now < ask_at_) return std::nullopt;
  waiting_since_ = now;
  ask_at_ = now + parts_.options.ping_every;
  ping_ = encode(DaemonRecord(BrainPing{++pings_}));
  return std::nullopt;
}

// One brain from its birth to its end; how it came to that, or "" when it was our wish.
std::string Supervisor::Parts::live(const std::stop_token& stop) {
  auto brain = BrainProcess::start(options.command);
  if (!brain) {
    const bool absent = brain.error().code == ErrorCode::kNotFound;
    auto locked = outbox.lock();
    locked->stats.state = absent ? BrainState::kAbsent : BrainState::kWaiting;
    return brain.error().message;
  }
  const pid_t process = brain->process();
  spdlog::info("brain.started pid={}", process);
  {
    auto locked = outbox.lock();
    locked->stats.state = BrainState::kStarting;
    locked->stats.process = process;
  }
  std::string reason;
  {
    Talk talk(*this, *brain);
    reason = talk.go_on(stop);
  }
  const bool orderly = reason.empty() || reason == "hung up";
  const std::string end = brain->end(orderly ? kEndsWithin : milliseconds{0});
  if (reason == "hung up") reason = end;
  auto locked = outbox.lock();
  locked->stats.state = BrainState::kWaiting;
  locked->stats.process = 0;
  locked->stats.model.reset();
  return reason;
}

// False when a stop was requested before.
bool Supervisor::Parts::wait_until_wanted(const std::stop_token& stop) const {
  while (!wanted && !stop.stop_requested()) {
    pollfd fd{roused.get(), POLLIN, 0};
    ::poll(&fd, 1, -1);
    eventfd_t count = 0;
    ::eventfd_read(roused.get(), &count);
  }
  return !stop.stop_requested();
}

void Supervisor::Parts::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { rouse(); });
  milliseconds pause = options.restart_after_min;
  std::string told;
  while (wait_until_wanted(stop)) {
    const auto began = steady_clock::now();
    const std::string reason = live(stop);
    if (reason.empty()) continue;
    if (steady_clock::now() - began >= options.restart_after_max) pause = options.restart_after_min;
    BrainState state{};
    {
      auto locked = outbox.lock();
      state = locked->stats.state;
      locked->stats.reason = reason;
    }
    if (state == BrainState::kAbsent) {
      if (told != reason) spdlog::warn("brain.absent reason={:?}", reason);
      told = reason;
    } else {
      spdlog::warn("brain.ended reason={:?} restart_in_ms={}", reason, pause.count());
    }
    if (!wait_until(steady_clock::now() + pause, stop)) return;
    pause = std::min(pause * 2, options.restart_after_max);
    if (state != BrainState::kAbsent) ++outbox.lock()->stats.restarts;
  }
}

std::string_view brain_state_name(BrainState state) {
  switch (state) {
    case BrainState::kOff:
      return "off";
    case BrainState::kStarting:
      return "starting";
    case BrainState::kRunning:
      return "running";
    case BrainState::kWaiting:
      return "waiting";
    case BrainState::kAbsent:
      return "absent";
  }
  return "";
}

Supervisor::Supervisor(SupervisorOptions options, HintSink hints)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(hints))) {
  parts_->outbox.lock()->stats.state = BrainState::kStarting;
  parts_->thread =
      std::jthread([parts = parts_.get()](const std::stop_token& stop) { parts->run(stop); });
}

Supervisor::~Supervisor() = default;

void Supervisor::tell(const Event& event, const Catalog& catalog) {
  Parts& parts = *parts_;
  if (!parts.wanted) return;
  {
    auto outbox = parts.outbox.lock();
    // Looked at first: who does not listen costs us no work.
    if (!outbox->open || outbox->bytes > parts.options.outbox_bytes_max) {
      ++outbox->stats.events_dropped;
      return;
    }
    if (std::exchange(parts.briefed_generation, outbox->generation) != outbox->generation) {
      parts.briefing.begin_anew();
    }
  }
  const std::vector<std::string> records = parts.briefing.records(event, catalog);
  bool was_empty = false;
  {
    auto outbox = parts.outbox.lock();
    // Another brain by now knows nothing of what this one was told.
    if (!outbox->open || outbox->generation != parts.briefed_generation) {
      ++outbox->stats.events_dropped;
      return;
    }
    was_empty = outbox->packets.empty();
    for (const std::string& record : records) outbox->push(record);
    ++outbox->packets.back().events;  // the event is its last record
  }
  parts.briefing.commit();
  if (was_empty) parts.rouse();
}

void Supervisor::want(bool wanted) {
  parts_->wanted = wanted;
  parts_->rouse();
}

void Supervisor::begin_anew() {
  parts_->anew = true;
  parts_->rouse();
}

BrainStats Supervisor::stats() const {
  BrainStats stats = parts_->outbox.lock()->stats;
  if (!parts_->wanted) stats.state = BrainState::kOff;
  return stats;
}

}  // namespace augurfs
