#include "cache/eviction.h"

namespace augurfs {

void Eviction::add(std::uint32_t slot, Origin /*origin*/) {
  const std::uint32_t at = slot + 1;
  if (at >= links_.size()) links_.resize(at + 1);
  const std::uint32_t newest = links_[0].older;
  links_[at] = {0, newest};
  links_[newest].newer = at;
  links_[0].older = at;
}

void Eviction::use(std::uint32_t slot) {
  if (links_[0].older == slot + 1) return;
  remove(slot);
  add(slot, Origin::kDemand);
}

void Eviction::remove(std::uint32_t slot) {
  const Link link = links_[slot + 1];
  links_[link.newer].older = link.older;
  links_[link.older].newer = link.newer;
}

std::uint32_t Eviction::victim() const {
  const std::uint32_t oldest = links_[0].newer;
  return oldest == 0 ? kNone : oldest - 1;
}

}  // namespace augurfs
