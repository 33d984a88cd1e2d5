// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_filter.hpp>

#include <atomic>
#include <cstdint>

namespace tidings::detail {

enum class filter_dialect : std::uint8_t { exact, prefix, suffix, all, any, negation };

/// A part of a filter, with its parts. Immutable once it is in one.
class filter_node {
 public:
    /// What a comparison is about, found by name once.
    enum class attribute : std::uint8_t {
        id,
        source,
        type,
        subject,
        time,
        data_schema,
        content_type,
        spec_version,
        topic,
        data,  // a member of it
        extension
    };
    struct comparison {
        attribute which;
        std::string name;
        std::string value;
    };
    using operand = boost::intrusive_ptr<const filter_node>;

    explicit filter_node(filter_dialect d) noexcept : dialect_(d) {}

    void compare(std::string_view name, std::string_view value);
    void add(operand part);
    /// Of what is wrong the first counts.
    void fail(error_code ec) noexcept {
        if (!error_) error_ = ec;
    }

    error_code error() const noexcept { return error_; }
    /// @throws std::bad_alloc
    bool is_true(const publication& p) const;
    void write(std::string& out) const;

 private:
    TIDINGS_DECL friend void intrusive_ptr_add_ref(const filter_node* n) noexcept;
    TIDINGS_DECL friend void intrusive_ptr_release(const filter_node* n) noexcept;
    void count(std::size_t nodes, std::size_t depth, std::size_t bytes) noexcept;

    mutable std::atomic<std::uint32_t> references_{0};
    filter_dialect dialect_;
    std::vector<comparison> comparisons_;
    std::vector<operand> operands_;
    // Of all that is in it.
    std::size_t nodes_ = 1;
    std::size_t depth_ = 1;
    std::size_t bytes_ = sizeof R"({"prefix":{}},)" - 1;
    error_code error_;
};

}  // namespace tidings::detail
