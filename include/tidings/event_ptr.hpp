// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/form_cache.hpp>
#include <tidings/event.hpp>
#include <tidings/publication_info.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>

namespace tidings {

namespace io {
class clock;
}

class publication;
class pending_publication;
class wire_form;
namespace detail {
class publication_maker;
}

/// A counted pointer to an immutable publication. Copies are cheap and safe between threads.
class event_ptr {
 public:
    event_ptr() noexcept = default;
    event_ptr(std::nullptr_t) noexcept {}
    event_ptr(const event_ptr& o) noexcept;
    event_ptr(event_ptr&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    event_ptr& operator=(event_ptr o) noexcept { return std::swap(p_, o.p_), *this; }
    ~event_ptr() {
        if (p_ != nullptr) release(p_);
    }

    const publication* get() const noexcept { return p_; }
    const publication* operator->() const noexcept { return p_; }
    const publication& operator*() const noexcept { return *p_; }
    explicit operator bool() const noexcept { return p_ != nullptr; }
    friend bool operator==(const event_ptr&, const event_ptr&) = default;

 private:
    friend class publication;
    friend class pending_publication;
    friend class wire_form;
    explicit event_ptr(const publication* owned) noexcept : p_(owned) {}
    TIDINGS_DECL static void release(const publication* p) noexcept;
    const publication* p_ = nullptr;
};

/// An immutable publication: the event, its topic, position, origin and hop count, and the wire
/// forms made of them so far. Safe to read from any thread.
class publication {
 public:
    publication(const publication&) = delete;
    publication& operator=(const publication&) = delete;

    /// Freezes an event. @error what `event::check` reports, errc::bad_topic, errc::out_of_memory,
    /// errc::event_reserved_type and errc::reserved_topic (one of type and topic is a control
    /// event's, and the other is another: see `is_control`); the result is null then. The topic is
    /// not checked for other reserved names here.
    TIDINGS_DECL static event_ptr make(std::string_view topic, tidings::event&& e,
                                       publication_info info, error_code& ec) noexcept;
    /// The same content under another topic, position or origin. The content is shared. @error
    /// errc::bad_topic, errc::event_reserved_type, errc::reserved_topic, errc::out_of_memory
    TIDINGS_DECL static event_ptr make(std::string_view topic, const event_ptr& content,
                                       publication_info info, error_code& ec) noexcept;

    std::string_view topic() const noexcept { return topic_; }
    const std::optional<tidings::position>& position() const noexcept { return info_.position; }
    const publication_info& info() const noexcept { return info_; }
    /// The position's number, which rises within one history; 0 without a position.
    std::uint64_t sequence() const noexcept {
        return info_.position ? info_.position->number() : 0;
    }

    /// The CloudEvents id; made when first asked for if the event came without one.
    TIDINGS_DECL std::string_view id() const;
    std::string_view type() const noexcept { return event_->type(); }
    std::string_view source() const noexcept { return event_->source(); }
    std::string_view subject() const noexcept { return event_->subject(); }
    std::string_view data_schema() const noexcept { return event_->data_schema(); }
    std::string_view content_type() const noexcept { return event_->content_type(); }
    /// RFC 3339, UTC. Of an event that came without one the moment of its first publication on a
    /// bus, by the clock of that bus, for all that share the content; empty before that.
    TIDINGS_DECL std::string_view time() const;
    const attribute_value* extension(std::string_view name) const noexcept {
        return event_->extension(name);
    }
    /// The event as it was published: its `id()` and `time()` may be absent.
    const tidings::event& event() const noexcept { return *event_; }

    /// What it counts for wherever events are bounded by bytes: data, attributes, extensions,
    /// topic, and a constant for the rest. Of a C++ value only the constant: its size is not known.
    std::size_t footprint() const noexcept { return footprint_; }

    bool has_data() const noexcept { return event_->has_data(); }
    /// The data as text; empty for a C++ value without a serialiser.
    TIDINGS_DECL std::string_view text() const noexcept;
    /// The same, or why there is none. @error errc::event_no_wire_form, errc::out_of_memory
    TIDINGS_DECL std::string_view text(error_code& ec) const noexcept;
    std::span<const std::byte> data() const noexcept {
        const auto t = text();
        return std::as_bytes(std::span(t.data(), t.size()));
    }
    /// The same as a string, which lives as long as this. Null with an error.
    TIDINGS_DECL const std::string* data_bytes(error_code& ec) const noexcept;

    /// The C++ value, or null.
    template <class T>
    const T* get() const noexcept {
        return event_->get<T>();
    }
    /// The data read as JSON. Include <tidings/event_json.hpp>.
    /// @error errc::invalid_json (also when it is nested deeper than `max_json_depth`),
    /// errc::event_no_wire_form; the result is null then.
    template <class Json = nlohmann::json>
    Json json(error_code& ec) const;
    /// @throws boost::system::system_error with the errors above.
    template <class Json = nlohmann::json>
    Json json() const;

    /// Forms that depend on the content only; shared with publications of the same content.
    const detail::wire_forms& content_forms() const noexcept { return *content_forms_; }
    /// A form that holds the topic or the position, if it has been kept: null, then it has not, or
    /// the bus had other use for its bytes (`bus_options::max_form_bytes`).
    wire_form form(detail::form_key key) const noexcept;
    /// Keeps such a form, and returns the one that counts: this one, or that of another thread.
    /// @throws std::bad_alloc
    wire_form store_form(detail::form_key key, std::string bytes) const;

    /// The topic handle that it was prepared for: `topic_handle::prepare`; 0: none.
    std::uint64_t prepared_for() const noexcept { return prepared_for_; }

    /// How many publications are alive in the process, for tests of lifetime.
    TIDINGS_DECL static std::size_t live() noexcept;

 protected:
    /// `room` is behind the object and has place for the topic; all of it is `bytes`.
    TIDINGS_DECL publication(std::size_t bytes, void* room, std::string_view topic) noexcept;
    ~publication() = default;

    static event_ptr owner_of(const event_ptr& p) noexcept { return p->owner_ ? p->owner_ : p; }

    const tidings::event* event_ = nullptr;
    const detail::wire_forms* content_forms_ = nullptr;
    event_ptr owner_;  // the block whose content this one shares, never a sharing one itself
    std::size_t footprint_ = 0;

 private:
    friend class event_ptr;
    friend class pending_publication;
    friend class wire_form;
    friend class detail::publication_maker;
    // For a topic that has passed `check_topic_syntax`.
    TIDINGS_DECL static event_ptr freeze(std::string_view topic, tidings::event&& e,
                                         error_code& ec) noexcept;
    TIDINGS_DECL static event_ptr freeze(std::string_view topic, const event_ptr& content,
                                         publication_info&& info, error_code& ec) noexcept;
    /// Whether it has its content for itself, of which nothing was derived, and `this` is referred
    /// to once.
    bool is_unshared() const noexcept {
        return references_.load(std::memory_order_acquire) == 1 && !owner_ &&
               content_forms_->empty();
    }
    /// The time of content that has none. The first call counts, from any thread.
    /// @error errc::out_of_memory
    TIDINGS_DECL error_code stamp(io::clock& clock) const noexcept;

    mutable std::atomic<std::uint32_t> references_{1};
    const std::uint32_t block_bytes_;
    std::uint64_t prepared_for_ = 0;
    publication_info info_;
    std::string_view topic_;
    detail::form_cache forms_;
};

/// A publication that a history may give its position. Beside the history only the bus that appends
/// it refers to it, which reads nothing of its position and hands it out when it is committed: for
/// its readers it is as immutable as any other.
class pending_publication {
 public:
    explicit pending_publication(event_ptr e) noexcept : event_(std::move(e)) {}

    const publication& operator*() const noexcept { return *event_; }
    const publication* operator->() const noexcept { return event_.get(); }

    /// The publication, committed at this position. Once, and before any other thread can find it.
    /// Forms without the position, as the history may have made for itself, are dropped.
    event_ptr commit(position at) && noexcept {
        auto& p = const_cast<publication&>(*event_);
        p.info_.position = std::move(at);
        p.forms_.clear();
        return std::move(event_);
    }
    /// The publication that could not be kept.
    event_ptr give_up() && noexcept { return std::move(event_); }

 private:
    event_ptr event_;
};

inline event_ptr::event_ptr(const event_ptr& o) noexcept : p_(o.p_) {
    if (p_ != nullptr) p_->references_.fetch_add(1, std::memory_order_relaxed);
}

/// Bytes that were derived from a publication, with a reference to it; they stay as they are while
/// this lives. Null, or only the reference, where there are none.
class wire_form {
 public:
    wire_form() noexcept = default;
    wire_form(std::nullptr_t) noexcept {}
    /// The reference alone.
    explicit wire_form(event_ptr of) noexcept : event_(std::move(of)) {}
    wire_form(wire_form&& o) noexcept
        : event_(std::move(o.event_)),
          place_(std::exchange(o.place_, nullptr)) {}
    wire_form& operator=(wire_form o) noexcept {
        std::swap(event_, o.event_);
        std::swap(place_, o.place_);
        return *this;
    }
    ~wire_form() {
        if (place_ != nullptr) place_->release();
    }

    explicit operator bool() const noexcept { return place_ != nullptr; }
    const std::string* get() const noexcept {
        return place_ != nullptr ? &place_->bytes() : nullptr;
    }
    const std::string& operator*() const noexcept { return place_->bytes(); }
    const std::string* operator->() const noexcept { return &place_->bytes(); }
    const event_ptr& event() const noexcept { return event_; }
    /// Whether they are the same bytes in memory.
    friend bool operator==(const wire_form& a, const wire_form& b) noexcept {
        return a.place_ == b.place_;
    }

 private:
    friend class publication;
    wire_form(const publication& of, detail::form_place* acquired) noexcept : place_(acquired) {
        if (acquired == nullptr) return;
        of.references_.fetch_add(1, std::memory_order_relaxed);
        event_ = event_ptr(&of);
    }

    event_ptr event_;
    detail::form_place* place_ = nullptr;
};

inline wire_form publication::form(detail::form_key key) const noexcept {
    return {*this, forms_.find(key)};
}
inline wire_form publication::store_form(detail::form_key key, std::string bytes) const {
    return {*this, &forms_.store(key, std::move(bytes))};
}

}  // namespace tidings
