#include "cache/chunk_reader.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace augurfs {
namespace {

// A reader looks at most so often for one chunk. Two looks are the rule, each failure around it
// costs one; what is still not there then is not going to be.
constexpr int kLooksMax = 8;

using Clock = std::chrono::steady_clock;

Error cancelled(const Version& version) {
  return {ErrorCode::kCancelled, "reading '" + version.key + "': cancelled"};
}

// Whether asking again would bring the same answer.
bool is_definite(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
    case ErrorCode::kStale:
    case ErrorCode::kDenied:
    case ErrorCode::kInvalid:
    case ErrorCode::kNoSpace:
    case ErrorCode::kReadOnly:
      return true;
    case ErrorCode::kTimeout:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCorrupt:
    case ErrorCode::kCancelled:
      return false;
  }
  return true;
}

// Whether the store has failed, rather than answered.
bool is_failure(ErrorCode code) {
  return code == ErrorCode::kTimeout || code == ErrorCode::kUnavailable;
}

// One slot is demand's even when prefetch may have them all.
int prefetch_slots(const ChunkReaderOptions& options) {
  return std::clamp(options.prefetch_transfers_max, 0, std::max(options.transfers_max - 1, 0));
}

}  // namespace

std::chrono::nanoseconds FetchPace::time_of(std::uint64_t bytes) const {
  // In steps of 4 KiB: a product with single bytes would overflow.
  constexpr std::uint64_t kStep = 4096;
  constexpr std::int64_t kStepsPerMib = 256;
  return to_first_byte +
         per_mib * static_cast<std::int64_t>((bytes + kStep - 1) / kStep) / kStepsPerMib;
}

// What was measured last counts an eighth, as in the round trips of TCP; the first one all.
void FetchPace::measure(std::chrono::nanoseconds first_byte, std::chrono::nanoseconds rest,
                        std::uint64_t bytes) {
  constexpr int kWeight = 8;
  const int weight = std::exchange(measured, true) ? kWeight : 1;
  to_first_byte += (first_byte - to_first_byte) / weight;
  // Fewer bytes come with the first one, and say nothing of the rest.
  constexpr std::uint64_t kBytesMin = 256U << 10U;
  if (bytes < kBytesMin) return;
  const auto of_mib =
      std::chrono::duration<double, std::nano>(rest) * double{1 << 20} / static_cast<double>(bytes);
  per_mib += (std::chrono::duration_cast<std::chrono::nanoseconds>(of_mib) - per_mib) / weight;
}

// One call of read(), and the seats it holds on flights.
class ChunkReader::Read {
 public:
  Read(ChunkReader& reader, const Version& version, const ChunkLayout& layout, std::uint32_t last,
       std::stop_token stop)
      : reader_(reader), version_(version), layout_(layout), last_(last), stop_(std::move(stop)) {
    ++reader_.state_.lock()->readers;
  }
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;
  ~Read();

  // Fills `out` with bytes of one chunk from `offset` within it on. True when it was a hit.
  Result<bool> chunk(std::uint32_t chunk, std::uint32_t offset, std::span<std::byte> out);

 private:
  struct Seat {
    std::shared_ptr<Flight> flight;
    bool mine = false;           // the flight was started for this read
    Arrival* arrival = nullptr;  // the flight's
  };

  Result<void> board(std::uint32_t first, bool recheck);
  // Waits for the first `needed` bytes. False: the chunk has gone by, look again.
  Result<bool> await(Flight& flight, std::uint32_t chunk, std::size_t needed);
  // False when told to stop, or when no byte has come for as long as patience lasts.
  template <typename Decided>
  bool wait(std::unique_lock<std::mutex>& lock, Flight& flight, const Decided& decided);
  Error failed(std::uint32_t chunk, const Error& error);
  void leave(std::uint32_t chunk, bool satisfied);
  void leave_flight(const Flight& flight);
  bool served(std::uint32_t chunk, std::uint32_t offset, std::size_t bytes, bool waited);

  ChunkReader& reader_;
  const Version& version_;
  const ChunkLayout layout_;
  const std::uint32_t last_;  // chunk of the read
  const std::stop_token stop_;
  std::map<std::uint32_t, Seat> seats_;  // by chunk
  // For bytes of any chunk: those of the others may have come in the meantime.
  bool waited_ = false;
  Clock::time_point give_up_ = Clock::now() + reader_.options_.patience;
  bool gave_up_ = false;
  std::optional<Error> last_failure_;  // of a flight that did not decide
};

ChunkReader::Read::~Read() {
  while (!seats_.empty()) leave(seats_.begin()->first, false);
  auto state = reader_.state_.lock();
  --state->readers;
  if (state->stopping) reader_.left_.notify_all();
}

Result<bool> ChunkReader::Read::chunk(std::uint32_t chunk, std::uint32_t offset,
                                      std::span<std::byte> out) {
  bool missed = false;
  bool survived_failure = false;
  for (int look = 0; look < kLooksMax; ++look) {
    if (!seats_.contains(chunk)) {
      if (reader_.chunks_.read(version_, chunk, offset, out)) {
        return served(chunk, offset, out.size(), missed);
      }
      if (const auto boarded = board(chunk, look == 0); !boarded) return boarded.error();
    }
    const auto found = seats_.find(chunk);
    if (found == seats_.end()) continue;  // it has just been stored
    const Seat seat = found->second;
    const auto arrived = await(*seat.flight, chunk, offset + out.size());
    if (arrived && *arrived) {
      std::memcpy(out.data(), seat.arrival->buffer.data() + offset, out.size());
      leave(chunk, true);
      return served(chunk, offset, out.size(), missed || waited_ || seat.mine);
    }
    missed = true;
    if (arrived) {
      leave(chunk, false);
      continue;
    }
    leave_flight(*seat.flight);
    const Error& error = arrived.error();
    if (stop_.stop_requested()) return cancelled(version_);
    if (gave_up_) return failed(chunk, last_failure_.value_or(error));
    if (is_failure(error.code)) last_failure_ = error;
    if (seat.flight->prefetch || error.code == ErrorCode::kCancelled) continue;
    if (is_definite(error.code) || seat.mine || survived_failure) return failed(chunk, error);
    survived_failure = true;
  }
  return Error{ErrorCode::kUnavailable, "reading '" + version_.key + "': chunk " +
                                            std::to_string(chunk) + " vanishes again and again"};
}

// Takes seats for `first`, which is missing, and for the chunks after it that are missing too, as
// far as one flight's bytes go; starts flights for those that are in none. What is behind the read
// in the beginning of an object flies with it.
Result<void> ChunkReader::Read::board(std::uint32_t first, bool recheck) {
  const std::uint32_t window = std::max<std::uint32_t>(
      1, static_cast<std::uint32_t>(kFlightBytesMax / layout_.chunk_size_bytes));
  const std::uint64_t beginning = std::min(layout_.size_bytes, reader_.options_.whole_bytes_max);
  const std::uint32_t seats_last = last_ - first < window ? last_ : first + window - 1;
  const std::uint32_t last = layout_.offset_of(first) < beginning
                                 ? std::max(seats_last, layout_.chunk_at(beginning - 1))
                                 : seats_last;
  std::vector<std::uint32_t> missing;
  for (std::uint32_t chunk = first; chunk <= last; ++chunk) {
    if (seats_.contains(chunk)) continue;
    if (chunk == first || !reader_.chunks_.contains(version_, chunk)) missing.push_back(chunk);
  }

  auto state = reader_.state_.lock();
  if (state->stopping) return cancelled(version_);
  if (recheck) {
    const auto failure = state->failures.find({version_, first}, reader_.options_.now());
    if (failure) return *failure;
  }
  for (std::size_t i = 0; i < missing.size(); ++i) {
    ChunkKey id{version_, missing[i]};
    if (id.chunk > seats_last) break;  // not behind the read's own
    auto flight = state->flights.join(id);
    if (!flight) flight = state->flights.join_next(id);
    if (flight) {
      Arrival& arrival = flight->arrival(id.chunk);
      seats_[id.chunk] = {std::move(flight), false, &arrival};
      continue;
    }
    std::uint32_t count = 1;
    while (i + count < missing.size() && missing[i + count] == missing[i] + count &&
           !state->flights.is_under_way({version_, missing[i + count]})) {
      ++count;
    }
    flight = state->flights.demand(version_, layout_, missing[i], count);
    flight->recheck = recheck;
    for (; id.chunk != flight->end_chunk() && id.chunk <= seats_last; ++id.chunk) {
      seats_[id.chunk] = {state->flights.join(id), true, &flight->arrival(id.chunk)};
    }
    i += count - 1;
    reader_.rouse(*state);
  }
  return {};
}

Result<bool> ChunkReader::Read::await(Flight& flight, std::uint32_t chunk, std::size_t needed) {
  auto state = reader_.state_.lock();
  Arrival& arrival = flight.arrival(chunk);
  const auto decided = [&] {
    if (arrival.received_bytes >= needed || flight.ended ||
        arrival.state == Arrival::State::kLanded) {
      return true;
    }
    arrival.wake_at_bytes = std::min(arrival.wake_at_bytes, needed);
    return false;
  };
  if (!decided()) {
    waited_ = true;
    ++state->stats.waiting;
    const bool woken = wait(state.mutex(), flight, decided);
    --state->stats.waiting;
    if (!woken && gave_up_) {
      const std::chrono::duration<double> patience = reader_.options_.patience;
      return Error{ErrorCode::kTimeout,
                   fmt::format("reading '{}': no byte from the store for {:g} s", version_.key,
                               patience.count())};
    }
    if (!woken) return cancelled(version_);
  }
  if (arrival.received_bytes >= needed) return true;
  if (flight.error) return *flight.error;
  return false;
}

void ChunkReader::Read::leave(std::uint32_t chunk, bool satisfied) {
  const auto seat = seats_.find(chunk);
  const std::shared_ptr<Flight> flight = std::move(seat->second.flight);
  seats_.erase(seat);
  // Freed, and stopped, without the lock.
  const FlightTable::Left left = reader_.state_.lock()->flights.leave(flight, chunk, satisfied);
  if (left.cancelled) left.cancelled->stop.request_stop();
}

void ChunkReader::Read::leave_flight(const Flight& flight) {
  for (auto seat = seats_.begin(); seat != seats_.end();) {
    const auto here = seat++;
    if (here->second.flight.get() == &flight) leave(here->first, false);
  }
}

template <typename Decided>
bool ChunkReader::Read::wait(std::unique_lock<std::mutex>& lock, Flight& flight,
                             const Decided& decided) {
  for (;;) {
    const std::uint64_t received = flight.received_bytes;
    const bool woken = flight.changed.wait_until(lock, stop_, give_up_, decided);
    if (!woken && stop_.stop_requested()) return false;
    gave_up_ = !woken && flight.received_bytes == received;
    if (gave_up_) return false;
    give_up_ = flight.error ? give_up_ : Clock::now() + reader_.options_.patience;
    if (woken) return true;
  }
}

// What the reader is told, and who asks for the chunk in a moment.
Error ChunkReader::Read::failed(std::uint32_t chunk, const Error& error) {
  if (is_failure(error.code)) {
    const Clock::time_point now = reader_.options_.now();
    reader_.state_.lock()->failures.add({version_, chunk}, error, now);
  }
  return error;
}

// Counts bytes handed out. True when nobody waited for them.
bool ChunkReader::Read::served(std::uint32_t chunk, std::uint32_t offset, std::size_t bytes,
                               bool waited) {
  auto state = reader_.state_.lock();
  const std::size_t fresh =
      state->fresh.size() == 0 ? 0 : state->fresh.hand_out({version_, chunk}, offset, bytes);
  ChunkReaderStats& stats = state->stats;
  if (waited) {
    ++stats.misses;
    stats.miss_bytes += bytes;
  } else {
    ++(fresh > 0 ? stats.ahead : stats.hits);
    stats.ahead_bytes += fresh;
    stats.hit_bytes += bytes - fresh;
  }
  return !waited;
}

ChunkReader::ChunkReader(const ChunkReaderOptions& options, ObjectStore& remote, ChunkStore& chunks)
    : options_(options),
      remote_(remote),
      chunks_(chunks),
      landings_(options.landings),
      state_(State(prefetch_slots(options))) {}

ChunkReader::~ChunkReader() {
  std::vector<std::shared_ptr<Flight>> running;
  {
    auto state = state_.lock();
    state->stopping = true;
    running = state->flights.end_queued({ErrorCode::kCancelled, "the cache is closing"});
  }
  for (const auto& flight : running) flight->stop.request_stop();
  work_.notify_all();
  std::list<std::jthread> gone;
  auto state = state_.lock();
  left_.wait(state.mutex(), [&] { return state->readers == 0 && state->crew.empty(); });
  gone.swap(state->gone);
}

Result<ReadOutcome> ChunkReader::read(const Version& version, std::uint64_t offset,
                                      std::span<std::byte> out, std::stop_token stop) {
  const ByteRange range = clamp({offset, out.size()}, version.size);
  ReadOutcome outcome;
  if (range.length == 0) return outcome;
  const ChunkLayout layout{version.size, chunks_.chunk_size(version)};
  if (!layout.numbered()) {
    return Error{ErrorCode::kInvalid, "'" + version.key + "' has too many chunks"};
  }
  const std::uint32_t last = layout.chunk_at(range.offset + range.length - 1);
  Read read(*this, version, layout, last, std::move(stop));
  for (std::uint32_t chunk = layout.chunk_at(range.offset); chunk <= last; ++chunk) {
    const auto within =
        static_cast<std::uint32_t>(range.offset + outcome.bytes - layout.offset_of(chunk));
    const std::size_t bytes =
        std::min<std::size_t>(layout.bytes_of(chunk) - within, range.length - outcome.bytes);
    const auto hit = read.chunk(chunk, within, out.subspan(outcome.bytes, bytes));
    if (!hit) return hit.error();
    outcome.hit = outcome.hit && *hit;
    outcome.bytes += bytes;
  }
  return outcome;
}

bool ChunkReader::prefetch(const Version& version, ByteRange range, const Foreseen& foreseen) {
  range = clamp(range, version.size);
  if (range.length == 0) return true;
  const ChunkLayout layout{version.size, chunks_.chunk_size(version)};
  if (!layout.numbered()) return false;
  const std::uint32_t first = layout.chunk_at(range.offset);
  const std::uint32_t last = layout.chunk_at(range.offset + range.length - 1);
  bool queued = prefetch_slots(options_) > 0 && last - first < kPrefetchQueueChunksMax &&
                (options_.budget == nullptr || !options_.budget->exhausted());
  std::vector<std::uint32_t> missing;
  for (std::uint32_t chunk = first; queued && chunk <= last; ++chunk) {
    if (!chunks_.contains(version, chunk)) missing.push_back(chunk);
  }
  if (queued && missing.empty()) {
    landings_.add(version, foreseen);
    return true;
  }
  auto state = state_.lock();
  queued =
      queued && !state->stopping && state->flights.prefetch(version, layout, missing, foreseen);
  if (queued) {
    rouse(*state);
  } else {
    ++state->stats.prefetch_dropped;
  }
  return queued;
}

bool ChunkReader::cached(const Version& version, ByteRange range) const {
  range = clamp(range, version.size);
  if (range.length == 0) return true;
  const ChunkLayout layout{version.size, chunks_.chunk_size(version)};
  if (!layout.numbered()) return false;
  const std::uint32_t last = layout.chunk_at(range.offset + range.length - 1);
  for (std::uint32_t chunk = layout.chunk_at(range.offset); chunk <= last; ++chunk) {
    if (!chunks_.contains(version, chunk)) return false;
  }
  return true;
}

bool ChunkReader::peek(const Version& version, std::span<std::byte> out) {
  const ChunkLayout layout{version.size, chunks_.chunk_size(version)};
  if (out.size() > version.size || !layout.numbered()) return false;
  for (std::uint32_t chunk = 0; !out.empty(); ++chunk) {
    const auto piece = out.first(std::min<std::size_t>(out.size(), layout.bytes_of(chunk)));
    if (!chunks_.peek(version, chunk, 0, piece)) return false;
    out = out.subspan(piece.size());
  }
  return true;
}

void ChunkReader::used(const Version& version, ByteRange range) {
  range = clamp(range, version.size);
  const ChunkLayout layout{version.size, chunks_.chunk_size(version)};
  if (range.length == 0 || !layout.numbered()) return;
  const std::uint32_t last = layout.chunk_at(range.offset + range.length - 1);
  for (std::uint32_t chunk = layout.chunk_at(range.offset); chunk <= last; ++chunk) {
    chunks_.use(version, chunk);
  }
}

ChunkLayout ChunkReader::layout(const Version& version) const {
  return {version.size, chunks_.chunk_size(version)};
}

bool ChunkReader::is_there(const Version& version, std::uint32_t chunk) const {
  if (chunks_.contains(version, chunk)) return true;
  return state_.lock()->flights.is_awaited({version, chunk});
}

std::size_t ChunkReader::under_way(const Version& version) const {
  return state_.lock()->flights.under_way(version);
}

void ChunkReader::rouse(State& state) {
  if (!state.flights.has_work()) return;
  if (state.idle_threads > 0) {
    work_.notify_one();
    return;
  }
  if (state.crew.size() >= static_cast<std::size_t>(std::max(options_.transfers_max, 1))) return;
  state.gone.clear();  // they have released the lock for the last time
  const auto self = state.crew.emplace(state.crew.end());
  try {
    *self = std::jthread([this, self] { work(self); });
  } catch (const std::system_error& error) {
    state.crew.erase(self);
    spdlog::error("cache.thread_failed error={:?}", error.what());
    if (!state.crew.empty()) return;  // those who run see to it
    state.flights.end_queued({ErrorCode::kUnavailable, "no thread to fetch with"});
  }
}

void ChunkReader::work(std::list<std::jthread>::iterator self) {
  while (true) {
    std::shared_ptr<Flight> flight;
    bool last = false;
    {
      auto state = state_.lock();
      ++state->idle_threads;
      work_.wait_for(state.mutex(), options_.idle,
                     [&] { return state->stopping || state->flights.has_work(); });
      --state->idle_threads;
      if (!state->stopping) {
        const bool measured = state->pace.measured;
        flight = state->flights.take(measured && state->link.one_is_enough(state->pace.per_mib));
      }
      if (flight) {
        rouse(*state);  // the next flight need not wait until this one has landed
      } else {
        state->gone.splice(state->gone.end(), state->crew, self);
        last = state->crew.empty();
        if (state->stopping) left_.notify_all();
      }
    }
    if (!flight) {
      if (last) buffers_.clear();
      return;
    }
    fly(flight);
  }
}

// How far the bytes of a flight have come; known to its thread alone.
struct ChunkReader::Progress {
  explicit Progress(const Flight& flight) : chunk(flight.first_chunk) {}

  std::uint32_t chunk;         // the one that comes
  std::uint32_t end = 0;       // of those that are asked for, when last looked
  Arrival* arrival = nullptr;  // of the chunk, once it has begun
  std::size_t chunk_bytes = 0;
  std::size_t bytes = 0;  // of the chunk, received
  std::optional<Error> error;
  bool closed = false;  // a long haul that nobody needs any more: no error
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  std::chrono::nanoseconds to_first_byte{-1};
  // For the pace of the store, by the clock of the options.
  std::chrono::steady_clock::time_point asked_at;
  std::chrono::steady_clock::time_point first_byte_at;
  std::chrono::nanoseconds lingered{};
  std::chrono::steady_clock::time_point chunk_began;
};

void ChunkReader::fly(const std::shared_ptr<Flight>& flight) {
  Progress progress(*flight);
  progress.asked_at = options_.now();
  {
    const auto state = state_.lock();
    progress.end = flight->end_chunk();
  }
  // Only the flight of a chunk can store it, so what is there now was there before this flight
  // was asked for, or landed between the look at the store and the look at the table.
  while (flight->recheck && progress.chunk != progress.end &&
         chunks_.contains(flight->version, progress.chunk)) {
    const ChunkBuffer freed = state_.lock()->flights.land(flight, progress.chunk, true);
    ++progress.chunk;
  }
  const ChunkLayout& layout = flight->layout;
  const bool lands = progress.chunk == progress.end;
  if (!lands && !is_granted(*flight, progress, 1)) {
    progress.error = Error{ErrorCode::kUnavailable, "the budget for prefetching is used up"};
  } else if (!lands) {
    const auto fetched = remote_.get(
        flight->version, layout.range_of(progress.chunk, flight->reach_end - 1),
        [&](std::span<const std::byte> bytes) { return receive(flight, progress, bytes); },
        flight->stop.get_token());
    if (!fetched && !progress.error && !progress.closed) progress.error = fetched.error();
    if (!progress.error && !progress.closed && progress.chunk != flight->reach_end) {
      progress.error = Error{ErrorCode::kCorrupt, "'" + flight->version.key +
                                                      "': the store sent fewer bytes than asked"};
    }
  }
  if (progress.error && flight->prefetch) {
    spdlog::debug("cache.prefetch_failed object={:?} error={:?}", flight->version.key,
                  progress.error->message);
  }
  const auto ended_at = options_.now() - progress.lingered;
  auto state = state_.lock();
  if (!progress.error && progress.to_first_byte.count() >= 0) {
    state->pace.measure(progress.first_byte_at - progress.asked_at,
                        ended_at - progress.first_byte_at, flight->received_bytes);
  }
  state->flights.end(flight, std::move(progress.error));
}

// Whether the budget has room for what is to come. Charged here, where nobody holds a lock and the
// request is known.
bool ChunkReader::is_granted(const Flight& flight, const Progress& progress,
                             std::uint64_t requests) {
  if (!flight.prefetch || options_.budget == nullptr) return true;
  std::uint64_t bytes = 0;
  {
    const auto state = state_.lock();
    bytes = flight.prefetched_bytes(progress.chunk, progress.end);
  }
  if (bytes == 0 || options_.budget->charge({bytes, requests})) return true;
  ++state_.lock()->stats.prefetch_dropped;
  return false;
}

// Whether somebody has asked for the chunk that comes next in a long haul; waits a while for it.
bool ChunkReader::goes_on(Flight& flight, Progress& progress) {
  const auto began = options_.now();
  const auto give_up = std::chrono::steady_clock::now() + options_.linger;
  {
    auto state = state_.lock();
    const auto asked = [&] { return flight.end_chunk() != progress.end; };
    flight.changed.wait_until(state.mutex(), flight.stop.get_token(), give_up, asked);
    if (!asked()) {
      state->flights.close(flight);
      progress.closed = true;
      return false;
    }
    progress.end = flight.end_chunk();
  }
  progress.lingered += options_.now() - began;
  if (is_granted(flight, progress, 0)) return true;
  progress.error = Error{ErrorCode::kUnavailable, "the budget for prefetching is used up"};
  return false;
}

// Bytes of the next chunk are there: finds it a place.
bool ChunkReader::begin_chunk(const std::shared_ptr<Flight>& flight, Progress& progress) {
  if (progress.chunk == flight->reach_end) {
    progress.error = Error{ErrorCode::kCorrupt,
                           "'" + flight->version.key + "': the store sent more bytes than asked"};
    return false;
  }
  if (progress.chunk == progress.end && !goes_on(*flight, progress)) return false;
  progress.chunk_bytes = flight->layout.bytes_of(progress.chunk);
  ChunkBuffer buffer = buffers_.allocate(progress.chunk_bytes);
  if (!buffer) {
    progress.error = Error{ErrorCode::kUnavailable, "no memory for a chunk"};
    return false;
  }
  progress.chunk_began = std::chrono::steady_clock::now();
  if (progress.to_first_byte.count() < 0) {
    progress.to_first_byte = progress.chunk_began - progress.began;
    progress.first_byte_at = options_.now();
  }
  auto state = state_.lock();
  progress.arrival = &flight->arrival(progress.chunk);
  progress.arrival->buffer = std::move(buffer);
  state->fresh.add({flight->version, progress.chunk}, progress.chunk_bytes);
  return true;
}

bool ChunkReader::receive(const std::shared_ptr<Flight>& flight, Progress& progress,
                          std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (flight->stop.stop_requested()) return false;
    if (progress.bytes == 0 && !begin_chunk(flight, progress)) return false;
    Arrival& arrival = *progress.arrival;
    const auto piece = bytes.first(std::min(bytes.size(), progress.chunk_bytes - progress.bytes));
    std::memcpy(arrival.buffer.data() + progress.bytes, piece.data(), piece.size());
    bytes = bytes.subspan(piece.size());
    progress.bytes += piece.size();
    {
      auto state = state_.lock();
      state->link.received(piece.size(), flight->long_haul, std::chrono::steady_clock::now());
      flight->received_bytes += piece.size();
      arrival.received_bytes = progress.bytes;
      if (arrival.received_bytes >= arrival.wake_at_bytes) {
        arrival.wake_at_bytes = std::numeric_limits<std::size_t>::max();
        flight->changed.notify_all();
      }
    }
    if (progress.bytes == progress.chunk_bytes) {
      land(flight, progress);
      ++progress.chunk;
      progress.bytes = 0;
    }
  }
  return true;
}

bool ChunkReader::is_demanded(const Arrival& arrival) const {
  const auto state = state_.lock();
  return arrival.demanded;
}

// A reader of this chunk alone would have waited for its first byte and for its own bytes.
ChunkCause ChunkReader::cause_of(const Arrival& arrival, const Progress& progress) const {
  ChunkCause cause(arrival.prefetch ? Origin::kPrefetch : Origin::kDemand);
  if (!arrival.prefetch) return cause;
  const auto now = std::chrono::steady_clock::now();
  cause.account = arrival.foreseen.account;
  cause.probability = arrival.foreseen.probability;
  cause.due_in =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(arrival.foreseen.due, now) - now);
  cause.fetch_time = progress.to_first_byte + (now - progress.chunk_began);
  const auto state = state_.lock();
  cause.demanded = arrival.demanded;
  if (cause.demanded) {
    const std::chrono::nanoseconds ahead = arrival.demanded_at - progress.began;
    cause.head_start = std::clamp(ahead, std::chrono::nanoseconds{0}, cause.fetch_time);
  }
  return cause;
}

void ChunkReader::land(const std::shared_ptr<Flight>& flight, const Progress& progress) {
  const std::uint32_t chunk = progress.chunk;
  const Arrival& arrival = *progress.arrival;
  bool stored =
      chunks_.write(flight->version, chunk, {arrival.buffer.data(), arrival.buffer.size_bytes()},
                    cause_of(arrival, progress));
  // Reading a byte tells the store that a prefetched chunk was used, by those who took it from the
  // flight; and tells us whether a chunk that the store had but could not give can be had now.
  const bool demanded = !arrival.prefetch || is_demanded(arrival);
  if (stored && (arrival.prefetch ? demanded : !flight->recheck)) {
    std::byte any{};
    stored = chunks_.read(flight->version, chunk, 0, {&any, 1});
  }
  if (stored && !demanded) landings_.add(flight->version, arrival.foreseen);
  const ChunkBuffer freed = state_.lock()->flights.land(flight, chunk, stored);
}

}  // namespace augurfs
