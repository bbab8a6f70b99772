"""Plain clauses to build texts from, without any punctuation: many in English, one for each other language IFEval asks for."""

from __future__ import annotations

from collections.abc import Mapping

ENGLISH = (
    "we go home", "they were here", "he has a dog", "you see that tree", "my friend is there", "she sings for us",
    "this is what people like about their town", "we should all take a long walk in the morning",
    "the children play in the garden every day", "it would be nice to meet them all again", "all of us go on a long walk",
    "a big dog runs up a hill", "many good days go by", "we see the green trees here", "his aunt has a small red car",
    "you may find out what it is that makes them happy",
)  # fmt: skip
"""For every letter there is one that does without it."""
OTHERS: Mapping[str, str] = {
    "ar": "الطقس جميل جدا اليوم ونحن ذاهبون للتنزه في الخارج",
    "bg": "днес времето е много хубаво и ние отиваме на разходка навън",
    "bn": "আজ আবহাওয়া খুব ভালো এবং আমরা বাইরে বেড়াতে যাচ্ছি",
    "de": "heute ist das Wetter sehr schön und wir gehen draußen spazieren",
    "fa": "امروز هوا خیلی خوب است و ما برای قدم زدن بیرون می‌رویم",
    "fi": "tänään sää on erittäin kaunis ja me menemme ulos kävelylle",
    "gu": "આજે હવામાન ખૂબ સારું છે અને અમે બહાર ફરવા જઈએ છીએ",
    "hi": "आज मौसम बहुत अच्छा है और हम बाहर घूमने जा रहे हैं",
    "it": "oggi il tempo è molto bello e noi andiamo a passeggiare fuori",
    "kn": "ಇಂದು ಹವಾಮಾನ ತುಂಬಾ ಚೆನ್ನಾಗಿದೆ ನಾವು ಹೊರಗೆ ಹೋಗುತ್ತಿದ್ದೇವೆ",
    "ko": "오늘은 날씨가 아주 좋아서 우리는 밖으로 산책하러 갑니다",
    "mr": "आज हवामान खूप छान आहे आणि आम्ही बाहेर फिरायला जात आहोत",
    "ne": "आज मौसम धेरै राम्रो छ र हामी बाहिर घुम्न जाँदैछौं",
    "pa": "ਅੱਜ ਮੌਸਮ ਬਹੁਤ ਵਧੀਆ ਹੈ ਅਤੇ ਅਸੀਂ ਬਾਹਰ ਜਾ ਰਹੇ ਹਾਂ",
    "pt": "hoje o tempo está muito bom e nós vamos passear lá fora",
    "ru": "сегодня погода очень хорошая и мы идем гулять на улицу",
    "sw": "leo hali ya hewa ni nzuri sana na sisi tunakwenda kutembea nje",
    "ta": "இன்று வானிலை மிகவும் நன்றாக உள்ளது நாங்கள் வெளியே செல்கிறோம்",
    "te": "ఈ రోజు వాతావరణం చాలా బాగుంది మేము బయటకు వెళ్తున్నాము",
    "th": "วันนี้อากาศดีมากและเรากำลังออกไปเดินเล่นข้างนอก",
    "ur": "آج موسم بہت اچھا ہے اور ہم باہر سیر کرنے جا رہے ہیں",
    "vi": "hôm nay thời tiết rất đẹp và chúng tôi đi dạo ở bên ngoài",
}
"""By langdetect's code of the language: "today the weather is very good and we go for a walk outside"."""
