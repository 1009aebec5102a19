#pragma once

namespace augurfs {

// Lets this process open as many descriptors as a mount may need with any options: 512 chunk files,
// 1,024 connections and what else there is. A login gets 1,024, and may have more for the asking;
// where it may not, the mount runs with what there is.
void raise_descriptor_limit();

}  // namespace augurfs
