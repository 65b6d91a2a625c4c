#pragma once
// The one function of the module weft-mpi.so.

#include <cstdint>
#include <memory>

#include "weft/runtime/ranks/communicator.h"

/// mpi::join for a program that loads it. Throws as that does.
extern "C" void weft_mpi_join(std::int64_t patience_in_ms, std::shared_ptr<weft::Communicator>* joined);
