// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/io/clock.hpp>
#include <tidings/io/impl/unique_id.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/topic.hpp>

#include <memory>
#include <new>

namespace tidings {

namespace detail {
namespace {

/// What a thread keeps of its publications, on a cache line of its own, so that threads of
/// different buses do not wait for each other: how many it has made, less those that it has
/// destroyed, and the memory of one that it destroyed, for the next that is as large.
struct alignas(64) publication_account {
    std::atomic<std::int64_t> live{0};
    std::atomic<bool> taken{false};
    void* spare = nullptr;  // the thread's own, as the next
    std::size_t spare_bytes = 0;
};
constexpr std::size_t own_accounts = 64;
constinit publication_account accounts[own_accounts + 1];  // the last for threads that have none
constinit thread_local publication_account* account_here = nullptr;

/// Takes an account for this thread until its end. Null where none is free, or the thread ends.
publication_account* take_account() noexcept {
    struct owner {
        ~owner() {
            account_here = nullptr;
            tried = true;
            if (taken == nullptr) return;
            ::operator delete(std::exchange(taken->spare, nullptr));
            taken->taken.store(false, std::memory_order_release);
        }
        publication_account* taken = nullptr;
        bool tried = false;
    };
    thread_local owner this_thread;
    if (std::exchange(this_thread.tried, true)) return nullptr;
    for (std::size_t i = 0; i < own_accounts && account_here == nullptr; ++i)
        if (!accounts[i].taken.exchange(true, std::memory_order_acquire))
            account_here = this_thread.taken = &accounts[i];
    return account_here;
}

inline publication_account* own_account() noexcept {
    return account_here != nullptr ? account_here : take_account();
}

inline void count_live(publication_account* own, std::int64_t more) noexcept {
    if (own != nullptr)
        own->live.store(own->live.load(std::memory_order_relaxed) + more,
                        std::memory_order_relaxed);
    else
        accounts[own_accounts].live.fetch_add(more, std::memory_order_relaxed);
}

// Larger ones are not kept. AddressSanitizer has to see each block come and go.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t max_spare_bytes = 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr std::size_t max_spare_bytes = 0;
#else
constexpr std::size_t max_spare_bytes = 1024;
#endif
#else
constexpr std::size_t max_spare_bytes = 1024;
#endif

/// The size of a block for so many bytes: few sizes, so that a spare one mostly fits.
constexpr std::size_t block_size(std::size_t bytes) noexcept {
    return (bytes + 31) / 32 * 32;
}

/// @throws std::bad_alloc
void* take_block(std::size_t size) {
    auto* own = own_account();
    void* block = nullptr;
    if (own != nullptr && own->spare_bytes == size && own->spare != nullptr)
        block = std::exchange(own->spare, nullptr);
    else
        block = ::operator new(size);
    count_live(own, 1);
    return block;
}

void give_block(void* block, std::size_t size) noexcept {
    auto* own = own_account();
    count_live(own, -1);
    if (own == nullptr || size > max_spare_bytes) return ::operator delete(block);
    if (own->spare != nullptr) ::operator delete(own->spare);  // it may be of another size
    own->spare = block;
    own->spare_bytes = size;
}

// The blocks themselves, what is allocated beside them, an id and a time that are made later.
constexpr std::size_t footprint_constant = 256;

std::size_t footprint_of(const publication_info& info) noexcept {
    if (!info.remote) return 0;
    const auto& note = info.remote->note;
    return sizeof(remote_origin) + info.remote->position.text().size() +
           (note ? note->footprint() : 0);
}

// The topic of what the library gives is its type, and nothing else has either.
errc find_control_problem(std::string_view topic, std::string_view type) noexcept {
    if (is_given_by_library(topic)) return topic == type ? errc() : errc::reserved_topic;
    return is_given_by_library(type) ? errc::event_reserved_type : errc();
}

constexpr char id_form = 0;
constexpr char time_form = 0;
constexpr char data_form = 0;

// Holds the event itself: one allocation for the block and its content.
class owning_publication final : public publication {
 public:
    owning_publication(std::size_t bytes, std::string_view topic, tidings::event&& e) noexcept
        : publication(bytes, this + 1, topic),
          own_(std::move(e)) {
        event_ = &own_;
        content_forms_ = &own_forms_;
        footprint_ = footprint_constant + topic.size() + own_.size();
    }

 private:
    tidings::event own_;
    wire_forms own_forms_;
};

// Shares the content of another block and keeps that block alive.
class sharing_publication final : public publication {
 public:
    sharing_publication(std::size_t bytes, std::string_view topic,
                        const event_ptr& content) noexcept
        : publication(bytes, this + 1, topic) {
        event_ = &content->event();
        content_forms_ = &content->content_forms();
        owner_ = owner_of(content);
        footprint_ = content->footprint() - content->topic().size() + topic.size();
    }
};

/// In one block with its topic behind it. @throws std::bad_alloc
template <class T, class Content>
T* make_block(std::string_view topic, Content&& content) {
    const auto bytes = block_size(sizeof(T) + topic.size());
    return ::new (take_block(bytes)) T(bytes, topic, std::forward<Content>(content));
}

}  // namespace
}  // namespace detail

publication::publication(std::size_t bytes, void* room, std::string_view topic) noexcept
    : block_bytes_(static_cast<std::uint32_t>(bytes)),
      topic_(static_cast<const char*>(room), topic.size()) {
    detail::copy_text(static_cast<char*>(room), topic.data(), topic.size());
}

// The only reference needs no atomic change: nobody can make another.
void event_ptr::release(const publication* p) noexcept {
    if (p->references_.load(std::memory_order_acquire) != 1 &&
        p->references_.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    const std::size_t bytes = p->block_bytes_;
    auto* const block = const_cast<publication*>(p);
    if (p->owner_)
        std::destroy_at(static_cast<detail::sharing_publication*>(block));
    else
        std::destroy_at(static_cast<detail::owning_publication*>(block));
    detail::give_block(block, bytes);
}

origin_id make_origin() noexcept {
    static std::atomic<origin_id> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::size_t publication::live() noexcept {
    std::int64_t count = 0;
    for (const auto& a : detail::accounts) count += a.live.load(std::memory_order_relaxed);
    return static_cast<std::size_t>(count);
}

event_ptr publication::make(std::string_view topic, tidings::event&& e, publication_info info,
                            error_code& ec) noexcept {
    ec = check_topic_syntax(topic);
    if (ec) return {};
    auto made = freeze(topic, std::move(e), ec);
    if (!made) return made;
    auto& p = const_cast<publication&>(*made);
    p.info_ = std::move(info);
    p.footprint_ += detail::footprint_of(p.info_);
    return made;
}

event_ptr publication::make(std::string_view topic, const event_ptr& content, publication_info info,
                            error_code& ec) noexcept {
    ec = check_topic_syntax(topic);
    if (ec) return {};
    const auto more = info.remote != content->info().remote ? detail::footprint_of(info) : 0;
    auto made = freeze(topic, content, std::move(info), ec);
    if (made) const_cast<publication&>(*made).footprint_ += more;
    return made;
}

event_ptr publication::freeze(std::string_view topic, tidings::event&& e, error_code& ec) noexcept {
    auto problem = e.find_problem();
    if (problem == errc()) problem = detail::find_control_problem(topic, e.type());
    if (problem != errc()) {
        ec = problem;
        return {};
    }
    try {
        return event_ptr(detail::make_block<detail::owning_publication>(topic, std::move(e)));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

event_ptr publication::freeze(std::string_view topic, const event_ptr& content,
                              publication_info&& info, error_code& ec) noexcept {
    const auto problem = detail::find_control_problem(topic, content->type());
    if (problem != errc()) {
        ec = problem;
        return {};
    }
    try {
        auto* p = detail::make_block<detail::sharing_publication>(topic, content);
        static_cast<publication*>(p)->info_ = std::move(info);
        return event_ptr(p);
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

std::string_view publication::id() const {
    if (!event_->id().empty()) return event_->id();
    if (const auto* made = content_forms_->find(&detail::id_form)) return *made;
    return content_forms_->store(&detail::id_form, detail::unique_id());
}

std::string_view publication::time() const {
    if (const auto* made = content_forms_->find(&detail::time_form)) return *made;
    if (!event_->time()) return {};
    return content_forms_->store(&detail::time_form, detail::format_timestamp(*event_->time()));
}

error_code publication::stamp(io::clock& clock) const noexcept {
    if (event_->time() || content_forms_->find(&detail::time_form) != nullptr) return {};
    const auto now = std::chrono::floor<std::chrono::microseconds>(clock.wall_now());
    try {
        content_forms_->store(&detail::time_form, detail::format_timestamp(now));
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
    return {};
}

std::string_view publication::text(error_code& ec) const noexcept {
    ec = {};
    if (!event_->native()) return event_->text();
    const auto* bytes = data_bytes(ec);
    return bytes != nullptr ? std::string_view(*bytes) : std::string_view();
}

std::string_view publication::text() const noexcept {
    error_code ec;
    return text(ec);
}

const std::string* publication::data_bytes(error_code& ec) const noexcept {
    ec = {};
    const auto& value = event_->native();
    if (const auto* own = event_->own_text(); own != nullptr && !value) return own;
    if (const auto* made = content_forms_->find(&detail::data_form)) return made;
    try {
        std::string bytes(event_->text());
        if (value) ec = value->encode(bytes);
        return ec ? nullptr : &content_forms_->store(&detail::data_form, std::move(bytes));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return nullptr;
    }
}

}  // namespace tidings
