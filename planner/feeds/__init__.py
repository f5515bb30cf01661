"""Calendar feeds: turns feed entries into iCalendar bytes, and knows what calendar programs expect of them.

Pure: no database, no web, no clock. Docstrings of this room cite these rules by number:

1. One VEVENT per appointment, never recurring; instants in UTC, whole-day leave as dates; no zone
   definitions.
2. The UID is opaque, stored with the appointment, kept for life, and once in a feed.
3. SEQUENCE goes up by one with every change a subscriber can see; it is a count, never a time.
4. LAST-MODIFIED and DTSTAMP are the time of that change and always grow.
5. A cancelled appointment stays, marked, until the day after its slot, at most 30 days; some feeds hide it
   at once.
6. The calendar has a neutral name, a constant PRODID, METHOD:PUBLISH, an hourly refresh, and no UID of its
   own.
7. Each event says its status and whether the time is taken, is private, and names no other person.
8. Nothing but VEVENT: programs refuse whole feeds over other components.
9. No alarm unless asked for, then one with neutral words.
10. UTF-8, CRLF, lines of 75 octets at most, TEXT escaped, no control characters.
11. 90 days back and 365 ahead, at most 900 events and 900 kB; the past is cut first.
14. ETag from counters; If-None-Match wins over If-Modified-Since; never 304 for a date that was not
    understood.
19. One faulty appointment neither empties nor shortens a feed: its last good bytes, or no answer at all.
21. What an appointment may say is decided in one place, `wording`.
"""
