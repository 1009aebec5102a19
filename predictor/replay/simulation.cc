#include "predictor/replay/simulation.h"

#include <algorithm>
#include <utility>

#include "cache/flight_table.h"
#include "predictor/replay/reveal.h"

namespace augurfs {
namespace {

std::uint64_t handle_of(const Event& event) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  return (event.stream * kOdd) ^ static_cast<std::uint64_t>(event.object);
}

std::chrono::steady_clock::time_point time_point(Tick now) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(now));
}

}  // namespace

Simulation::Simulation(const SimulationOptions& options, Expert& policy, Foresight* foresight)
    : options_(options),
      policy_(policy),
      foresight_(foresight),
      catalog_(options.catalog_objects_max),
      cache_(options.cache_bytes, options.eviction),
      link_(options.link) {}

Result<SimulationResult> Simulation::run(TraceReader& reader) {
  ClosedLoop loop(reader, options_.think);
  loop_ = &loop;
  const auto receive_piece = [this](Link::Flight& flight, Tick now) {
    now_ = now;
    receive(flight);
  };
  while (true) {
    const auto link_time = link_.next();
    const auto request_time = loop.next(link_time);
    if (!request_time) return request_time.error();
    if (!link_time && !*request_time) break;
    if (link_time && (!*request_time || *link_time <= **request_time)) {
      link_.step(receive_piece);
      continue;
    }
    auto request = loop.take();
    now_ = request.issue;
    auto begun = begin(std::move(request));
    if (!begun) return begun.error();
  }
  result_.unused_bytes = cache_.unused_bytes();
  result_.eviction = cache_.eviction_stats();
  result_.skipped_lines = reader.skipped();
  result_.end = now_;
  return result_;
}

Result<void> Simulation::begin(ClosedLoop::Request request) {
  const std::uint64_t lane = request.lane;
  Read& read = reads_[lane];
  read = {.request = std::move(request)};
  const TraceLine& line = read.request.line;
  Event& event = read.event;
  event.time = time_point(now_);
  event.operation = line.operation;
  event.stream = line.stream;
  event.program = line.program;
  if (line.operation == Operation::kList) {
    event.object = object_id(line.path.ends_with('/') ? line.path : line.path + '/');
    show(event);
    finish(lane);
    return {};
  }
  learn(read);
  event.handle = handle_of(event);
  const ChunkLayout layout{event.object_bytes, options_.chunk_bytes};
  if (!layout.numbered()) {
    return Error{ErrorCode::kInvalid, line.path + ": an object of " +
                                          std::to_string(event.object_bytes) +
                                          " bytes has too many chunks of this size"};
  }
  if (line.operation == Operation::kRead) {
    advance(lane);
    return {};
  }
  if (line.operation == Operation::kOpen) {  // traces need not say when a file is closed
    event.operation = Operation::kRelease;
    show(event);
    event.operation = Operation::kOpen;
  }
  show(event);
  finish(lane);
  return {};
}

// Tells the catalog what the line tells, and no more.
void Simulation::learn(Read& read) {
  const TraceLine& line = read.request.line;
  Event& event = read.event;
  event.object = object_id(line.path);
  const Revealed revealed = reveal(line, catalog_.version(event.object), options_.chunk_bytes);
  catalog_.see(revealed.version);
  event.object_bytes = revealed.version.size;
  event.range.offset = revealed.range.offset;
  read.content = revealed.content;
  read.left_bytes = revealed.range.length;
}

// Issues the pieces of a read until one has to wait, or all are done.
void Simulation::advance(std::uint64_t lane) {
  Read& read = reads_.at(lane);
  do {
    issue(read);
    if (read.waits > 0) return;
    ++result_.hits;
    result_.latencies.add(Tick{});
    read.event.range.offset += read.event.range.length;
  } while (read.left_bytes > 0);
  finish(lane);
}

void Simulation::issue(Read& read) {
  if (reads_begun_++ == options_.warmup) start_counting();
  ++result_.requests;
  Event& event = read.event;
  event.time = time_point(now_);
  event.operation = Operation::kRead;
  event.latency = {};
  event.range.length = std::min(read.left_bytes, kReadBytesMax);
  read.left_bytes -= event.range.length;
  read.missed = false;
  event.hit = true;
  result_.demanded_bytes += event.range.length;
  if (event.range.length > 0) {
    const ChunkLayout layout{event.object_bytes, options_.chunk_bytes};
    need(read, {read.content, layout, layout.chunk_at(event.range.offset),
                layout.chunk_at(event.range.offset + event.range.length - 1)});
  }
  show(event);
}

void Simulation::need(Read& read, const Chunks& chunks) {
  for (std::uint32_t chunk = chunks.first; chunk <= chunks.last; ++chunk) {
    const ChunkId id{chunks.content, chunk};
    if (cache_.use(id, result_.ledger)) {
      result_.calibration.used(id);
      continue;
    }
    read.event.hit = false;
    if (const auto flying = flying_.find(id); flying != flying_.end()) {
      flying->second.joined = true;
      result_.calibration.used(id);
      link_.demand(*flying->second.flight, now_);
      wait_for(read, *flying->second.flight, chunk);
      continue;
    }
    Chunks missing = chunks;
    missing.first = missing.last = chunk;
    while (missing.last < chunks.last && is_absent({chunks.content, missing.last + 1})) {
      ++missing.last;
    }
    read.missed = true;
    fly(missing, true, now_);
    for (chunk = missing.first; chunk <= missing.last; ++chunk) {
      wait_for(read, *flying_.at({chunks.content, chunk}).flight, chunk);
    }
    chunk = missing.last;
  }
}

void Simulation::wait_for(Read& read, Link::Flight& flight, std::uint32_t chunk) {
  const std::uint64_t chunk_bytes = options_.chunk_bytes;
  const std::uint64_t begin = flight.first_chunk * chunk_bytes;
  const std::uint64_t end = std::min(read.event.range.offset + read.event.range.length,
                                     (chunk + std::uint64_t{1}) * chunk_bytes);
  if (flight.received >= end - begin) return;  // bytes are handed out as they arrive
  ++read.waits;
  waiters_[flight.number].push_back({read.request.lane, end - begin});
}

void Simulation::fly(const Chunks& chunks, bool demanded, Tick due) {
  std::uint32_t next = chunks.first;
  while (next <= chunks.last) {
    auto flight = std::make_unique<Link::Flight>();
    flight->object = chunks.content;
    flight->first_chunk = next;
    flight->demanded = demanded;
    std::uint64_t bytes = 0;
    for (; next <= chunks.last; ++next) {
      const std::uint32_t chunk_bytes = chunks.layout.bytes_of(next);
      if (bytes > 0 && bytes + chunk_bytes > kFlightBytesMax) break;
      bytes += chunk_bytes;
      flight->chunk_bytes.push_back(chunk_bytes);
    }
    ++result_.flights;
    Link::Flight& started = link_.start(std::move(flight), now_);
    for (std::uint32_t chunk = started.first_chunk; chunk != next; ++chunk) {
      flying_[{chunks.content, chunk}] = {&started, !demanded, false, due};
    }
  }
}

void Simulation::show(const Event& event) {
  ++result_.events;
  catalog_.use(event.object);
  candidates_.clear();
  policy_.observe(event, catalog_, candidates_);
  for (const Candidate& candidate : candidates_) {
    const Version* version = catalog_.version(candidate.object);
    if (version == nullptr) continue;
    prefetch(*version, candidate, now_ + candidate.expected_in);
  }
  if (foresight_ == nullptr || event.operation != Operation::kRead) return;
  wanted_.clear();
  foresight_->observe(event, wanted_);
  for (const auto& wanted : wanted_) {
    prefetch(wanted.version, {.object = wanted.object, .range = wanted.range}, wanted.due);
  }
}

// As ChunkReader::prefetch: all of the range, or nothing when there is no room for it.
void Simulation::prefetch(const Version& version, const Candidate& candidate, Tick due) {
  const ByteRange range = clamp(candidate.range, version.size);
  if (range.length == 0) return;
  const ChunkLayout layout{version.size, options_.chunk_bytes};
  const Chunks wanted{content_of(candidate.object, version), layout, layout.chunk_at(range.offset),
                      layout.chunk_at(range.offset + range.length - 1)};
  if (wanted.last - wanted.first >= kPrefetchQueueChunksMax) {
    ++result_.refused;
    return;
  }
  std::vector<Chunks> missing;
  std::size_t count = 0;
  for (std::uint32_t chunk = wanted.first; chunk <= wanted.last; ++chunk) {
    if (!is_absent({wanted.content, chunk})) continue;
    ++count;
    if (!missing.empty() && missing.back().last + 1 == chunk) {
      missing.back().last = chunk;
    } else {
      missing.push_back({wanted.content, layout, chunk, chunk});
    }
  }
  if (link_.queued_chunks() + count > kPrefetchQueueChunksMax) {
    ++result_.refused;
    return;
  }
  for (const Chunks& chunks : missing) {
    foresee(chunks, candidate.probability);
    fly(chunks, false, due);
  }
}

void Simulation::foresee(const Chunks& chunks, float probability) {
  for (std::uint32_t chunk = chunks.first;; ++chunk) {
    result_.calibration.fetched({chunks.content, chunk}, probability);
    if (chunk == chunks.last) return;
  }
}

void Simulation::receive(Link::Flight& flight) {
  while (flight.landed < flight.chunk_bytes.size() &&
         flight.landed_bytes + flight.chunk_bytes[flight.landed] <= flight.received) {
    land(flight);
  }
  const auto found = waiters_.find(flight.number);
  if (found == waiters_.end()) return;
  std::vector<std::uint64_t> satisfied;
  std::erase_if(found->second, [&](const Waiter& waiter) {
    if (waiter.bytes > flight.received) return false;
    satisfied.push_back(waiter.lane);
    return true;
  });
  if (found->second.empty()) waiters_.erase(found);
  for (const std::uint64_t lane : satisfied) {
    if (--reads_.at(lane).waits == 0) served(lane);
  }
}

void Simulation::land(Link::Flight& flight) {
  const ChunkId id{flight.object, flight.first_chunk + static_cast<std::uint32_t>(flight.landed)};
  const std::uint32_t bytes = flight.chunk_bytes[flight.landed];
  ++flight.landed;
  flight.landed_bytes += bytes;
  const Flying flying = flying_.at(id);
  flying_.erase(id);
  result_.fetched_bytes += bytes;
  if (flying.prefetched) result_.ledger.prefetched_bytes += bytes;
  if (flying.joined && flying.prefetched) result_.ledger.late_bytes += bytes;
  const bool unused = flying.prefetched && !flying.joined;
  cache_.add(id, bytes, unused ? Origin::kPrefetch : Origin::kDemand, now_, flying.due,
             result_.ledger);
}

void Simulation::served(std::uint64_t lane) {
  Read& read = reads_.at(lane);
  const Tick waited = now_ - std::chrono::duration_cast<Tick>(read.event.time.time_since_epoch());
  result_.stall += waited;
  result_.latencies.add(waited);
  if (!read.missed) ++result_.late;
  Event event = read.event;
  event.time = time_point(now_);
  event.operation = Operation::kServed;
  event.latency = waited;
  show(event);
  read.event.range.offset += read.event.range.length;
  if (read.left_bytes > 0) {
    advance(lane);
  } else {
    finish(lane);
  }
}

void Simulation::finish(std::uint64_t lane) {
  reads_.erase(lane);
  loop_->done(lane, now_);
}

void Simulation::start_counting() {
  const std::uint64_t events = result_.events;
  result_ = {};
  result_.events = events;
  result_.ledger.carried_bytes = cache_.unused_bytes();
}

}  // namespace augurfs
