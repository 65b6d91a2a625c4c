// What `weft` loads where a launcher started it as one of several ranks, so that it needs no MPI otherwise.

#include "weft/frontends/mpi/module.h"

#include "weft/frontends/mpi/communicator.h"

extern "C" void weft_mpi_join(std::int64_t patience_in_ms, std::shared_ptr<weft::Communicator>* joined) {
  *joined = weft::mpi::join({.patience = std::chrono::milliseconds(patience_in_ms)});
}
