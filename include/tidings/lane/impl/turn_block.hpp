// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// The forms whose bytes one connection of a lane has put together in the lane's send buffer, kept
/// while a turn flushes: other connections to which the same forms go need not copy them again.
/// Lane-confined.
class turn_block {
 public:
    /// The bytes where `items` are these forms; else empty. `form_of` gives the form of an item, or
    /// null.
    template <class Items, class F>
    std::string_view find(const Items& items, std::size_t first, F form_of) const noexcept {
        if (items.size() - first != forms_.size()) return {};
        for (std::size_t i = 0; i < forms_.size(); ++i) {
            const wire_form* const form = form_of(items[first + i]);
            if (form == nullptr || !(*form == forms_[i])) return {};
        }
        return bytes_;
    }
    /// Takes the forms of the items, which the buffer holds now, and nothing where memory is
    /// missing or an item has none.
    template <class Items, class F>
    void keep(std::string_view bytes, Items& items, std::size_t first, F form_of) noexcept {
        clear();
        const auto has_none = [&](const auto& i) { return form_of(i) == nullptr; };
        const auto from = items.begin() + static_cast<std::ptrdiff_t>(first);
        if (std::any_of(from, items.end(), has_none)) return;
        try {
            forms_.reserve(items.size() - first);
        } catch (const std::bad_alloc&) {
            return;
        }
        for (auto i = from; i != items.end(); ++i) forms_.push_back(std::move(i->form));
        bytes_ = bytes;
    }
    bool empty() const noexcept { return bytes_.empty(); }
    void clear() noexcept {
        constexpr std::size_t most = 64;
        forms_.clear();
        if (forms_.capacity() > most) std::vector<wire_form>().swap(forms_);
        bytes_ = {};
    }

 private:
    std::vector<wire_form> forms_;
    std::string_view bytes_{};
};

}  // namespace tidings::detail
