#include "predictor/experts/directory_sweep.h"

#include <algorithm>
#include <utility>

namespace augurfs {
namespace {

constexpr std::size_t kInOrderToBelieve = 2;
// Children that a reader may leave out and still be in order: what it has no use for.
constexpr std::size_t kSkipMax = 4;
constexpr std::size_t kWindowFirst = 4;
// A stream with so many reads in order is believed in each directory it comes to.
constexpr std::size_t kTrusted = 3;
constexpr std::size_t kTrustMax = 32;
// Directories ahead of a reader who is trusted, and of one who lists, for each that it has listed
// in order. Some hold a file each, and a listing takes as long as a file.
constexpr std::size_t kDirectoriesMax = 64;
constexpr std::size_t kDirectoriesEach = 4;
constexpr std::size_t kListsMax = 8;
constexpr std::size_t kLevelsUp = 4;
constexpr std::size_t kLevelsDown = 3;
constexpr double kGapWeight = 0.1;  // of the newest gap
constexpr double kGapMaxNs = 1e9;   // a longer one is a pause

}  // namespace

DirectorySweep::Sweep& DirectorySweep::sweep(const Event& event, ObjectId directory) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  return sweeps_.at((event.stream * kOdd) ^ static_cast<std::uint64_t>(directory));
}

void DirectorySweep::observe(const Event& event, const Catalog& catalog,
                             std::vector<Candidate>& candidates) {
  Walk& walk = walks_.at(event.stream);
  switch (event.operation) {
    case Operation::kList:
      enter(event, catalog, walk);
      break;
    case Operation::kListedAhead:
      break;
    case Operation::kOpen:
    case Operation::kRead:
      if (!step(event, catalog, walk)) return;
      break;
    default:
      return;
  }
  look_ahead(event, catalog, walk, candidates);
}

// The stream lists a directory: the next one of those beside it, or not.
void DirectorySweep::enter(const Event& event, const Catalog& catalog, Walk& walk) {
  const ObjectId directory = event.object;
  sweep(event, directory).entered = true;
  const std::string* prefix = catalog.prefix(directory);
  if (prefix == nullptr) return;
  walk.directory = directory;
  if (prefix->empty()) return;
  Sweep& above = sweep(event, directory_id(*prefix));
  if (!above.entered) return;
  const std::size_t position = catalog.subdirectory_position(directory);
  const bool follows =
      position >= above.next_subdirectory && position - above.next_subdirectory <= kSkipMax;
  walk.lists = follows ? std::min(walk.lists + 1, kListsMax) : walk.lists / 2;
  above.next_subdirectory = position + 1;
  if (above.reads == 0 && !catalog.children(directory_id(*prefix)).empty()) {
    walk.files_first = false;
  }
}

// The stream reads an object. False when that is no news.
bool DirectorySweep::step(const Event& event, const Catalog& catalog, Walk& walk) {
  const ObjectId directory = catalog.directory(event.object);
  const std::size_t size = catalog.children(directory).size();
  const std::size_t position = catalog.position(event.object);
  if (position >= size) return false;
  Sweep& sweep = this->sweep(event, directory);
  if (sweep.reads > 0 && sweep.last == event.object) {
    // It comes before what was asked for it: the window is too short.
    const bool late = event.operation == Operation::kRead && event.range.offset == 0 &&
                      !event.hit && std::exchange(sweep.last_was_asked, false);
    if (!late) return false;
    walk.window = std::min(walk.window * 2, options_.window_max);
    return true;
  }
  // One of several readers at once may be overtaken.
  const bool overtaken = sweep.in_order >= kInOrderToBelieve && position < sweep.last_position &&
                         sweep.last_position - position <= kSkipMax;
  if (overtaken) return false;
  const bool follows = sweep.reads > 0 && position > sweep.last_position &&
                       position - sweep.last_position <= kSkipMax;
  const bool begins = sweep.reads == 0 && position <= kSkipMax;
  sweep.in_order = follows ? sweep.in_order + 1 : 0;
  if (sweep.reads > 0 && position < sweep.last_position) sweep.asked_end = 0;  // perhaps anew
  if (follows) {
    walk.trust = std::min(walk.trust + 1, kTrustMax);
    walk.window =
        std::clamp(walk.window * 2, kWindowFirst, std::max(options_.window_usual, walk.window));
  } else if (begins && sweep.entered && walk.lists > 0) {
    walk.trust = std::min(walk.trust + 1, kTrustMax);  // from one directory to the next
  } else if (!begins) {
    walk.trust /= 2;
    walk.window /= 2;
  }
  if (sweep.reads == 0 && sweep.next_subdirectory == 0) {
    walk.files_first = !catalog.subdirectories(directory).empty();
  }
  sweep.entered = true;
  ++sweep.reads;
  sweep.last = event.object;
  sweep.last_was_asked = position < sweep.asked_end;
  sweep.last_position = position;
  sweep.asked_end = std::max(sweep.asked_end, position + 1);
  walk.directory = directory;
  const std::int64_t now_ns = event.time.time_since_epoch() / std::chrono::nanoseconds(1);
  const auto gap_ns = static_cast<double>(std::max<std::int64_t>(now_ns - walk.step_ns, 0));
  if (gap_ns < kGapMaxNs) walk.gap_ns += kGapWeight * (gap_ns - walk.gap_ns);
  walk.step_ns = now_ns;
  return true;
}

// From where the stream is: the rest of that directory, those in it, and then those beside and
// above it, as far as the stream came down through them itself.
void DirectorySweep::look_ahead(const Event& event, const Catalog& catalog, Walk& walk,
                                std::vector<Candidate>& candidates) {
  const Sweep& here = sweep(event, walk.directory);
  const bool begins = here.reads == 0 || (here.reads == 1 && here.last_position <= kSkipMax);
  const bool believed = here.in_order >= kInOrderToBelieve ||
                        (walk.trust >= kTrusted && (here.in_order > 0 || begins));
  Look look{.event = event,
            .catalog = catalog,
            .candidates = candidates,
            .gap_ns = walk.gap_ns,
            .probability = static_cast<float>(walk.trust + 1) / static_cast<float>(walk.trust + 2)};
  if (believed) look.files = std::max(walk.window, kWindowFirst);
  look.bytes = options_.window_bytes_max;
  look.directories = believed ? kDirectoriesMax : kDirectoriesEach * walk.lists;
  look.asks = kCandidatesMax;
  if (look.directories == 0) return;
  ObjectId directory = walk.directory;
  bool files_first = walk.files_first || here.reads > 0;
  for (std::size_t level = 0; level < kLevelsUp; ++level) {
    ask_below(directory, kLevelsDown, files_first, look);
    const std::string* prefix = catalog.prefix(directory);
    if (prefix == nullptr || prefix->empty()) return;
    directory = directory_id(*prefix);
    if (!sweep(event, directory).entered) return;
    files_first = walk.files_first;
  }
}

// What is next in a directory and below it.
void DirectorySweep::ask_below(ObjectId directory, std::size_t depth, bool files_first,
                               Look& look) {
  if (look.directories == 0) return;
  --look.directories;
  if (files_first) ask_files(directory, look);
  if (depth > 0) ask_subdirectories(directory, depth - 1, files_first, look);
  if (!files_first) ask_files(directory, look);
}

void DirectorySweep::ask_subdirectories(ObjectId directory, std::size_t depth, bool files_first,
                                        Look& look) {
  const auto subdirectories = look.catalog.subdirectories(directory);
  for (std::size_t i = sweep(look.event, directory).next_subdirectory; i < subdirectories.size();
       ++i) {
    if (look.directories == 0) return;
    if (look.catalog.is_listed(subdirectories[i])) {
      ask_below(subdirectories[i], depth, files_first, look);
    } else {
      ask_listing(subdirectories[i], look);
    }
  }
}

void DirectorySweep::ask_listing(ObjectId directory, Look& look) {
  --look.directories;
  if (look.asks == 0 || std::exchange(sweep(look.event, directory).asked_listing, true)) return;
  --look.asks;
  look.candidates.push_back(
      {.object = directory, .probability = look.probability, .expert = ExpertId::kDirectorySweep});
}

void DirectorySweep::ask_files(ObjectId directory, Look& look) {
  Sweep& sweep = this->sweep(look.event, directory);
  const auto children = look.catalog.children(directory);
  const std::size_t begin = sweep.reads > 0 ? sweep.last_position + 1 : 0;
  for (std::size_t i = begin; i < children.size() && look.files > 0; ++i) {
    --look.files;
    ++look.passed;
    const Version* version = look.catalog.version(children[i]);
    if (version == nullptr || version->size == 0) continue;
    const std::uint64_t wanted = std::min(version->size, options_.object_bytes_max);
    if (wanted > look.bytes) {
      look.files = 0;
      return;
    }
    look.bytes -= wanted;
    if (i < sweep.asked_end) continue;
    if (look.asks == 0) {
      look.files = 0;
      return;
    }
    --look.asks;
    sweep.asked_end = i + 1;
    const double due_ns = look.gap_ns * static_cast<double>(look.passed);
    look.candidates.push_back(
        {.object = children[i],
         .range = {0, wanted},
         .probability = look.probability,
         .expected_in = std::chrono::nanoseconds(static_cast<std::int64_t>(due_ns)),
         .expert = ExpertId::kDirectorySweep});
  }
}

}  // namespace augurfs
