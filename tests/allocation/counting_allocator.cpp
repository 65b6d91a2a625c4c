#include "weft/tests/allocation/counting_allocator.h"

#include <execinfo.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_SANITIZER_ALLOCATES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEFT_SANITIZER_ALLOCATES 1
#endif
#endif

namespace weft::testing_support {
namespace {

constexpr int kFrames = 24;

/// Where a library lies in memory.
struct AddressRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

std::atomic<bool> counting{false};
std::atomic<std::size_t> own{0};
std::atomic<std::size_t> foreign{0};
std::atomic<std::size_t> freed{0};
std::array<void*, kFrames> first_frames{};
std::atomic<int> first_depth{0};
AddressRange onednn;

int note_if_onednn(dl_phdr_info* library, std::size_t, void* range) {
  if (std::string_view(library->dlpi_name).find("libdnnl") == std::string_view::npos) return 0;
  auto& found = *static_cast<AddressRange*>(range);
  found.begin = library->dlpi_addr;
  for (const auto& part : std::span(library->dlpi_phdr, library->dlpi_phnum)) {
    if (part.p_type == PT_LOAD)
      found.end = std::max<std::uintptr_t>(found.end, library->dlpi_addr + part.p_vaddr + part.p_memsz);
  }
  return 1;
}

bool within_onednn(void* function) {
  const auto address = reinterpret_cast<std::uintptr_t>(function);
  return onednn.begin <= address && address < onednn.end;
}

void count_allocation() {
  if (!counting.load(std::memory_order_relaxed)) return;
  std::array<void*, kFrames> frames{};
  const int depth = ::backtrace(frames.data(), kFrames);
  if (std::any_of(frames.begin(), frames.begin() + depth, within_onednn)) {
    ++foreign;
  } else if (own++ == 0) {
    first_frames = frames;
    first_depth = depth;
  }
}

void count_free(const volatile void* block) {
  if (block != nullptr && counting.load(std::memory_order_relaxed)) ++freed;
}

}  // namespace

AllocationCount::AllocationCount() {
  std::array<void*, 1> frame{};
  ::backtrace(frame.data(), 1);  // the first call loads what it needs, and allocates
  ::dl_iterate_phdr(note_if_onednn, &onednn);
  own = foreign = freed = 0;
  first_depth = 0;
  counting = true;
}

AllocationCount::~AllocationCount() { counting = false; }

Allocations AllocationCount::stop() {
  counting = false;
  Allocations counted{.own = own, .foreign = foreign, .freed = freed, .first_own = {}};
  const std::unique_ptr<char*, decltype(&std::free)> names(
      ::backtrace_symbols(first_frames.data(), first_depth), &std::free);
  for (int i = 0; i < first_depth; ++i) counted.first_own.append(names.get()[i]).append("\n");
  return counted;
}

}  // namespace weft::testing_support

#ifdef WEFT_SANITIZER_ALLOCATES

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                                         void (*on_free)(const volatile void*));

namespace {
const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { weft::testing_support::count_allocation(); },
    [](const volatile void* block) { weft::testing_support::count_free(block); });
}  // namespace

#else

// The names by which glibc's allocator stays reachable when a program replaces malloc are glibc's own.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* block);

void* malloc(std::size_t bytes) {
  weft::testing_support::count_allocation();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  weft::testing_support::count_allocation();
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  weft::testing_support::count_allocation();
  return __libc_realloc(block, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  weft::testing_support::count_allocation();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  *block = memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}
void free(void* block) {
  weft::testing_support::count_free(block);
  __libc_free(block);
}
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)

#endif
