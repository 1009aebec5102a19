#include "predictor/brain/brain.h"

#include <utility>

#include "predictor/brain/briefing.h"
#include "predictor/recollection.h"

namespace augurfs {

Brain::Brain(PacketSocket socket, BrainPolicy policy, std::optional<ModelNews> model)
    : socket_(std::move(socket)),
      policy_(std::move(policy)),
      model_(std::move(model)),
      catalog_(Briefing::kBrainObjectsMax + Recollection::kObjectsMax) {}

Result<void> Brain::run() {
  socket_.send(encode(BrainRecord(BrainHello{})), true);
  tell_of_model();
  while (true) {
    send_hints();
    const auto packet = socket_.receive(true);
    if (!packet) return packet.error();
    if (!*packet || (*packet)->empty()) return {};
    if (auto heard = hear(**packet); !heard) return heard;
  }
}

Result<void> Brain::hear(std::string_view packet) {
  auto records = decode_for_brain(packet);
  if (!records) return records.error();
  for (DaemonRecord& record : *records) {
    if (!greeted_ && !std::holds_alternative<BrainHello>(record)) {
      return Error{ErrorCode::kCorrupt, "something before a hello"};
    }
    auto taken = std::visit([this](auto& it) { return take(it); }, record);
    if (!taken) return taken;
  }
  return {};
}

Result<void> Brain::take(const BrainHello& hello) {
  greeted_ = true;
  if (hello.version == kProtocolVersion) return {};
  return Error{ErrorCode::kInvalid, "the daemon speaks version " + std::to_string(hello.version) +
                                        ", not " + std::to_string(kProtocolVersion)};
}

Result<void> Brain::take(const BrainPing& ping) {
  send_hints();
  socket_.send(encode(BrainRecord(BrainPong{ping.number, hints_dropped_})), true);
  tell_of_model();
  return {};
}

void Brain::tell_of_model() {
  if (!model_) return;
  const NeuralTerm* const neural = policy_.hedge == nullptr ? nullptr : policy_.hedge->neural();
  if (neural != nullptr) {
    const LearnerStats stats = neural->learner().stats();
    model_->learns = true;
    model_->votes = policy_.hedge->neural_votes();
    model_->steps = stats.steps;
    model_->resumed = stats.resumed;
    model_->rolled_back = stats.rolled_back;
    model_->saves_failed = stats.saves_failed;
    model_->loss = stats.loss.value_or(0);
  }
  socket_.send(encode(BrainRecord(*model_)), true);
}

Result<void> Brain::take(const ObjectNews& object) {
  catalog_.see({object.key, "", object.bytes});
  return {};
}

Result<void> Brain::take(ListingNews& piece) {
  for (const ListingNews::Child& child : piece.children) {
    if (listing_.size() + subdirectories_.size() >= Catalog::kObjectsMaxUsual) break;
    std::string key = piece.prefix + child.name;
    if (key.ends_with('/')) {
      subdirectories_.push_back(std::move(key));
    } else {
      listing_.push_back({{std::move(key), "", child.bytes}, {}});
    }
  }
  if (piece.last) {
    catalog_.list(piece.prefix, listing_, subdirectories_);
    listing_.clear();
    subdirectories_.clear();
  }
  return {};
}

Result<void> Brain::take(const Event& event) {
  catalog_.use(event.object);
  candidates_.clear();
  policy_.expert->observe(event, catalog_, candidates_);
  if (event.past) return {};
  for (Candidate& candidate : candidates_) {
    candidate.program = event.program;
    candidate.stream = event.stream;
    hint(candidate);
  }
  return {};
}

void Brain::hint(const Candidate& candidate) {
  const std::string bytes = encode(BrainRecord(candidate));
  if (hints_.size() + bytes.size() > kPacketBytesMax) send_hints();
  hints_ += bytes;
  ++hints_count_;
}

void Brain::send_hints() {
  if (hints_.empty()) return;
  if (socket_.send(hints_, false) != PacketSocket::Sent::kYes) hints_dropped_ += hints_count_;
  hints_.clear();
  hints_count_ = 0;
}

}  // namespace augurfs
