// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/event_row.hpp>
#include <tidings/text/impl/timestamp.hpp>

#include <nlohmann/json.hpp>

namespace tidings::sqlite::detail {

namespace {

// Columns, by their place in `event_columns`.
enum event_column {
    hops_column = 4,
    flags_column,
    time_column,
    topic_column,
    type_column,
    source_column,
    id_column,
    subject_column,
    schema_column,
    content_type_column,
    extensions_column
};

constexpr std::int64_t has_data_flag = 1;

std::optional<std::int64_t> time_of(const publication& e) {
    if (const auto& own = e.event().time()) return own->time_since_epoch().count();
    const auto stamped = e.time();
    if (stamped.empty()) return std::nullopt;
    error_code ec;
    return tidings::detail::parse_timestamp(stamped, ec).time_since_epoch().count();
}

std::optional<std::string> extensions_of(const publication& e) {
    const auto& all = e.event().extensions();
    if (all.empty()) return std::nullopt;
    auto json = nlohmann::ordered_json::object();
    for (const auto& [name, value] : all)
        std::visit([&json, &key = name](const auto& v) { json[key] = v; }, value);
    return json.dump();
}

std::optional<std::string_view> unless_empty(std::string_view text) {
    if (text.empty()) return std::nullopt;
    return text;
}

[[noreturn]] void report_damage(const char* what) {
    throw failure(11, what);  // SQLITE_CORRUPT
}

void read_extensions(event& e, std::string_view text) {
    const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!json.is_object()) report_damage("the extensions of an event are damaged");
    for (const auto& [name, value] : json.items()) {
        if (value.is_boolean())
            e.extension(name, attribute_value(value.get<bool>()));
        else if (value.is_number_integer())
            e.extension(name, attribute_value(value.get<std::int32_t>()));
        else if (value.is_string())
            e.extension(name, value.get<std::string>());
    }
}

}  // namespace

void insert_event(statement& insert, const publication& e, const event_place& at) {
    const auto flags =
        (e.has_data() ? has_data_flag : 0) | (e.event().id().empty() ? 0 : own_id_flag);
    const auto extensions = extensions_of(e);
    const auto time = time_of(e);
    insert.run(at.offset, at.ring, at.stored, at.size, static_cast<std::int64_t>(e.info().hops),
               flags, time, e.topic(), e.type(), e.source(), e.id(), unless_empty(e.subject()),
               unless_empty(e.data_schema()), unless_empty(e.content_type()), extensions, at.body);
}

event_ptr read_event(const rows& r, const position& at, std::string body) {
    event e(r.text(type_column), r.text(source_column));
    e.id(r.text(id_column)).subject(r.text(subject_column)).data_schema(r.text(schema_column));
    if (!r.is_null(time_column))
        e.time(event_time(std::chrono::microseconds(r.number(time_column))));
    if (!r.is_null(extensions_column)) read_extensions(e, r.text(extensions_column));
    if ((r.number(flags_column) & has_data_flag) != 0)
        e.data(std::move(body), r.text(content_type_column));
    publication_info info;
    info.position = at;
    info.hops = static_cast<unsigned>(r.number(hops_column));
    error_code ec;
    auto made = publication::make(r.text(topic_column), std::move(e), std::move(info), ec);
    if (ec == errc::out_of_memory) throw std::bad_alloc();
    if (ec) report_damage("an event in the file is no event");
    return made;
}

}  // namespace tidings::sqlite::detail
