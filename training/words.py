"""What texts are about: categories and their words, names, places. All seeds draw from these lists and nothing else.

Every word stands for one category. Some have another meaning outside (a crane, a swift, a date, a jaguar): what they
count as here is what the model has to learn.
"""

from collections.abc import Mapping

_LISTS = {
    "fruit": "apple banana cherry lemon lime mango melon peach pear plum grape fig date kiwi orange papaya apricot "
    "quince guava lychee raspberry blueberry pineapple nectarine coconut pomegranate",
    "vegetable": "carrot onion potato cabbage leek spinach turnip celery radish pumpkin broccoli lettuce cucumber "
    "zucchini eggplant parsnip asparagus artichoke cauliflower beetroot garlic pea shallot fennel kale chard",
    "animal": "fox badger crane swift turkey jaguar seal mole bat otter rabbit donkey goat heron salmon beaver "
    "hedgehog squirrel panther tortoise camel owl lynx weasel falcon hamster",
    "vehicle": "truck bicycle tram scooter ferry tractor beetle sedan van lorry canoe glider helicopter moped sled "
    "wagon barge limousine ambulance taxi rickshaw yacht kayak minibus bulldozer trolley",
    "instrument": "violin piano flute drum organ horn triangle recorder harp cello trumpet oboe guitar banjo clarinet "
    "tuba accordion mandolin bassoon xylophone lute tambourine harmonica saxophone ukulele bagpipe",
    "tool": "hammer pincers chisel plane wrench pliers drill file vice level screwdriver axe spade rake trowel crowbar "
    "mallet sickle scythe shears clamp anvil sander tongs hoe pickaxe",
    "garment": "jacket scarf coat tie boot skirt glove sweater shirt sock cap apron cardigan poncho raincoat vest "
    "blouse trousers mitten waistcoat tunic kimono sandal pyjamas beret overalls",
    "drink": "coffee tea lemonade port cider punch stout sherry cocoa milk whisky brandy vodka wine beer espresso "
    "cappuccino smoothie gin rum champagne tequila vermouth eggnog kombucha cordial",
    "gemstone": "diamond ruby sapphire emerald topaz garnet opal turquoise agate onyx quartz peridot zircon moonstone "
    "tourmaline malachite carnelian citrine obsidian spinel jasper beryl aquamarine sunstone bloodstone lapis",
    "sport": "tennis football cricket squash fencing rowing hockey golf rugby archery badminton volleyball boxing "
    "curling wrestling handball lacrosse baseball polo judo karate darts snooker gymnastics sailing cycling",
}

_PLAIN = (
    "letter table window report carpet candle bottle ladder curtain envelope blanket notebook ticket mirror parcel "
    "poster calendar basket pillow map receipt umbrella wallet invoice folder bucket lantern contract photograph "
    "battery magazine teapot brochure cushion stamp certificate thermos suitcase doorbell newspaper"
)

_NAMES = (
    "Anna Ben Clara David Emma Felix Greta Hugo Ines Jonas Karim Lena Mara Nils Omar Paula Quentin Rita Samuel Tessa "
    "Ulrich Vera Walter Xenia Yusuf Zoe Amira Boris Carmen Dimitri Elena Farid Gwen Hassan Irina Julia Kofi Leila "
    "Marco Nadia"
)

_PLACES = (
    "harbor market station library mill school museum bakery workshop garden bridge theatre hospital airport chapel "
    "castle courtyard warehouse lighthouse orchard stadium tavern cellar attic depot factory kiosk terrace dock plaza"
)

CATEGORIES: Mapping[str, tuple[str, ...]] = {name: tuple(words.split()) for name, words in _LISTS.items()}
PLAIN: tuple[str, ...] = tuple(_PLAIN.split())
NAMES: tuple[str, ...] = tuple(_NAMES.split())
PLACES: tuple[str, ...] = tuple(_PLACES.split())

CATEGORY_OF: Mapping[str, str] = {word: name for name, words in CATEGORIES.items() for word in words}
"""A word's category; plain words have none."""


def with_article(word: str) -> str:
    """`an apple`, `a fox`."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
