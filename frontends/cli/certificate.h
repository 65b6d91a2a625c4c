#pragma once
// Certificates as a person reads them and as JSON.

#include <nlohmann/json.hpp>
#include <span>

#include "weft/frontends/machine.h"
#include "weft/frontends/proof/certify.h"
#include "weft/frontends/proof/model_check.h"
#include "weft/frontends/proof/program_check.h"

namespace weft::cli {

/// The machine and the libraries that the certificate holds for.
void print_build(const Machine& machine);

/// The table of ops: its heading with the bounds, and a row.
void print_op_header();
void print_row(const proof::Certificate& certificate);
nlohmann::ordered_json as_json(const proof::Certificate& certificate);

/// The table of models.
void print_model_header();
void print_row(const proof::ModelCertificate& certificate);
nlohmann::ordered_json as_json(const proof::ModelCertificate& certificate);

/// The table of random programs.
void print_program_header();
void print_row(const proof::ProgramCertificate& certificate);
nlohmann::ordered_json as_json(const proof::ProgramCertificate& certificate);

/// The first failures of a subject on stderr, a line each; the rest are most often the same one.
void print_failures(std::string_view subject, std::span<const std::string> failures);

}  // namespace weft::cli
